using System.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// Reads a request as text: request line, headers, an empty line, the body to the end. What Kestrel does not let through to an application
/// (targets that are not ASCII, control characters in headers, a zero byte in a path) does not get through here; it is more lenient in
/// form, so that more inputs reach the gateway.
/// </summary>
internal static class HttpRequestText
{
    private const int HeadersMax = 100;

    /// <summary>Reads a request.</summary>
    public static bool TryParse(ReadOnlySpan<byte> input, out HttpRequestFeature request)
    {
        request = new HttpRequestFeature { Scheme = "http", Protocol = "HTTP/1.1" };
        var end = input.IndexOf("\r\n\r\n"u8);
        var head = end < 0 ? input : input[..end];
        var body = end < 0 ? default : input[(end + 4)..];
        if (!Utf8.IsValid(head))
        {
            return false;
        }

        var lines = Encoding.UTF8.GetString(head).Split("\r\n");
        if (lines[0].Split(' ') is not [{ Length: > 0 } method, ['/', ..] target, ..] || !method.All(char.IsAsciiLetter)
            || target.Any(letter => letter is <= ' ' or > '~'))
        {
            return false;
        }

        request.Method = method;
        request.RawTarget = target;
        var question = target.IndexOf('?', StringComparison.Ordinal);
        request.QueryString = question < 0 ? "" : target[question..];
        request.Path = Uri.UnescapeDataString(question < 0 ? target : target[..question]);
        if (request.Path.Contains('\0', StringComparison.Ordinal))
        {
            return false;
        }

        foreach (var line in lines.Skip(1).Take(HeadersMax))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line[..colon].All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_')
                && !line.Any(letter => letter is < ' ' or '\x7F'))
            {
                request.Headers.Append(line[..colon], line[(colon + 1)..].Trim());
            }
        }

        // The body is as long as it is: with a length, or in chunks that the server has put together.
        request.Body = new MemoryStream(body.ToArray(), writable: false);
        request.Headers.ContentLength = null;
        if (!request.Headers.Remove("Transfer-Encoding"))
        {
            request.Headers.ContentLength = body.Length;
        }

        return true;
    }
}
