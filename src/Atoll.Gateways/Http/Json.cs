using System.Text.Json;
using System.Text.Json.Serialization;
using Atoll.Services.Errors;
using Microsoft.AspNetCore.Http;

namespace Atoll.Gateways.Http;

/// <summary>How JSON is read and written here.</summary>
internal static class Json
{
    /// <summary>Camel case; a member that nobody knows is an error, not a wish that is silently ignored.</summary>
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads a body of a few named members.</summary>
    /// <param name="body">The body.</param>
    /// <param name="what">What it is to be, for people.</param>
    /// <param name="otherwise">What an empty one stands for.</param>
    /// <exception cref="InvalidRequestException">It is something else.</exception>
    public static T Read<T>(byte[] body, string what, T otherwise)
        where T : class
    {
        try
        {
            return body.Length == 0 ? otherwise : JsonSerializer.Deserialize<T>(body, Options) ?? otherwise;
        }
        catch (JsonException error)
        {
            throw new InvalidRequestException($"the body is not {what}: {error.Message}");
        }
    }

    public static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        context.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.WriterOptions);
        write(writer);
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
