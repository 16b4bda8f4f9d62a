using System.Globalization;
using System.Text.Json;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Microsoft.AspNetCore.Http;

namespace Atoll.Gateways.Http;

/// <summary>Errors as RFC 9457 problem details. Beside the standard members each has <c>code</c> and <c>retryable</c>.</summary>
internal static class Problems
{
    public const string MediaType = "application/problem+json";

    /// <summary>The HTTP status of an error.</summary>
    public static int StatusOf(ErrorCode code) => code switch
    {
        ErrorCode.Invalid => StatusCodes.Status400BadRequest,
        ErrorCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        ErrorCode.UnknownSpace or ErrorCode.NotFound => StatusCodes.Status404NotFound,
        ErrorCode.SpaceExists or ErrorCode.RequestExpired => StatusCodes.Status409Conflict,
        ErrorCode.Compacted => StatusCodes.Status410Gone,
        ErrorCode.Conflict => StatusCodes.Status412PreconditionFailed,
        ErrorCode.TooLarge => StatusCodes.Status413PayloadTooLarge,
        ErrorCode.Unsupported => StatusCodes.Status501NotImplemented,
        ErrorCode.Protocol => StatusCodes.Status502BadGateway,
        ErrorCode.Overloaded or ErrorCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        ErrorCode.OutcomeUnknown => StatusCodes.Status504GatewayTimeout,
        ErrorCode.DiskFull => StatusCodes.Status507InsufficientStorage,
        _ => StatusCodes.Status500InternalServerError,
    };

    public static Task WriteAsync(HttpContext context, AtollException error)
    {
        if (error.Code == ErrorCode.Unauthenticated)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        if (error.IsRetryable)
        {
            var wait = error is OverloadedException overloaded ? overloaded.RetryAfter : TimeSpan.FromSeconds(1);
            context.Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        return WriteAsync(
            context, StatusOf(error.Code), ErrorNames.Of(error.Code), error.Message, error.IsRetryable,
            error is not QuorumShortfallException { Shortfall: var shortfall } ? null : writer =>
            {
                writer.WriteNumber("received", shortfall.Received);
                writer.WriteNumber("required", shortfall.Required);
            });
    }

    /// <summary>A condition did not hold.</summary>
    public static Task WriteConflictAsync(HttpContext context, HybridTime current, int? failedOperation)
    {
        if (current != HybridTime.Zero && failedOperation is null)
        {
            context.Response.Headers.ETag = RecordJson.ETag(current);
        }

        return WriteAsync(context, StatusOf(ErrorCode.Conflict), ErrorNames.Of(ErrorCode.Conflict),
            current == HybridTime.Zero ? "the record does not exist" : "the record has another version", isRetryable: false, writer =>
            {
                writer.WriteString("currentVersion", RecordJson.Version(current));
                if (failedOperation is { } operation)
                {
                    writer.WriteNumber("failedOperation", operation);
                }
            });
    }

    public static async Task WriteAsync(
        HttpContext context, int status, string code, string detail, bool isRetryable, Action<Utf8JsonWriter>? more = null)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = MediaType;
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.WriterOptions);
        WriteObject(writer, status, code, detail, isRetryable, more);
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    public static void WriteObject(
        Utf8JsonWriter writer, int status, string code, string detail, bool isRetryable, Action<Utf8JsonWriter>? more = null)
    {
        writer.WriteStartObject();
        writer.WriteString("type", $"urn:atoll:error:{code}");
        writer.WriteString("title", TitleOf(status));
        writer.WriteNumber("status", status);
        writer.WriteString("detail", detail);
        writer.WriteString("code", code);
        writer.WriteBoolean("retryable", isRetryable);
        more?.Invoke(writer);
        writer.WriteEndObject();
    }

    private static string TitleOf(int status) => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
}
