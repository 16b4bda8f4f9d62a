using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Atoll.Gateways.Http;

/// <summary>The key of a request for one record, as it stood in the request's own target.</summary>
/// <param name="Key">The key; null when it is badly encoded.</param>
internal sealed record RecordTarget(byte[]? Key)
{
    private const string SpacesPrefix = "/v1/spaces/";
    private const string RecordsPart = "/records/";

    /// <summary>
    /// Takes the key out of the target before routing sees the path: any bytes, slashes and dots included. The path then ends in a
    /// placeholder.
    /// </summary>
    public static Task RewriteAsync(HttpContext context, RequestDelegate next)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        var end = target.IndexOf('?', StringComparison.Ordinal);
        var path = end < 0 ? target : target[..end];
        if (path.StartsWith(SpacesPrefix, StringComparison.Ordinal))
        {
            var slash = path.IndexOf('/', SpacesPrefix.Length);
            if (slash > 0 && path.AsSpan(slash).StartsWith(RecordsPart) && path.Length > slash + RecordsPart.Length)
            {
                var isKey = PercentEncoding.TryDecode(path.AsSpan(slash + RecordsPart.Length), plusIsBlank: false, out var key);
                var isName = PercentEncoding.TryDecode(path.AsSpan(SpacesPrefix.Length..slash), plusIsBlank: false, out var space);
                context.Features.Set(new RecordTarget(isKey && isName ? key : null));
                var name = isName ? Encoding.UTF8.GetString(space!).Replace("/", "%2F", StringComparison.Ordinal) : "-";
                context.Request.Path = new PathString($"{SpacesPrefix}{name}{RecordsPart}-");
            }
        }

        return next(context);
    }
}
