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

    private static readonly JsonDocumentOptions DocumentOptions = new() { MaxDepth = 8 };

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

    /// <summary>Reads a body whose members are not all named.</summary>
    /// <param name="body">The body.</param>
    /// <param name="read">Reads its root; says itself what is wrong with that.</param>
    /// <exception cref="InvalidRequestException">It is no JSON, or holds no text where it should.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> body, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(body, DocumentOptions);
            return read(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new InvalidRequestException($"the body is not JSON: {error.Message}");
        }
        catch (InvalidOperationException error)
        {
            // A string can be JSON and no text: half a surrogate pair, bytes that are not UTF-8. It is found when it is read.
            throw new InvalidRequestException($"the body holds a string that is no text: {error.Message}");
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
