using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Requests;
using Microsoft.AspNetCore.Http;

namespace Atoll.Gateways.Http;

/// <summary>
/// What a request's headers, query and body say, checked. Everything wrong is an <see cref="InvalidRequestException"/> in plain words.
/// </summary>
internal static class RecordInputs
{
    private const int IdempotencyKeyBytesMax = 255;

    /// <summary>The space of the route; a slash in its name arrives encoded.</summary>
    public static string Space(string routeValue) => routeValue.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>The key of the path, or of the query where the route has none.</summary>
    public static byte[] Key(HttpContext context)
    {
        if (context.Features.Get<RecordTarget>() is { } target)
        {
            return target.Key ?? throw new InvalidRequestException(
                "the key in the path is badly percent-encoded: '%' must be followed by two hexadecimal digits");
        }

        return QueryBytes(context, "key") is { Length: > 0 } key ? key
            : throw new InvalidRequestException("the query parameter key is missing");
    }

    /// <summary>In which regions a space or topic is to live; null when that is left open.</summary>
    public static SpaceRegions? Regions(IReadOnlyDictionary<string, int>? factors, IReadOnlyList<string?>? allowed) => SpaceRegions.Of(
        (factors ?? new SortedDictionary<string, int>()).Select(static pair => new RegionReplicas(pair.Key, pair.Value)),
        (allowed ?? []).Select(static region => region ?? throw new InvalidRequestException("an allowed region is a name, not null")));

    /// <summary>One of the values of an enumeration, by its name.</summary>
    public static T Named<T>(string text, string member)
        where T : struct, Enum =>
        Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value) && !char.IsAsciiDigit(text[0])
            ? value
            : throw new InvalidRequestException(
                $"\"{text}\" is not a {member}; there are {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");

    public static ReadOptions Read(HttpContext context, Session? session)
    {
        var level = Text(context, "Atoll-Read", "read") switch
        {
            null or "" or "linearizable" => ReadLevel.Linearizable,
            "session" => ReadLevel.Session,
            "bounded" => ReadLevel.Bounded,
            "any" => ReadLevel.Any,
            var other => throw new InvalidRequestException(
                $"\"{other}\" is not a read level; there are linearizable, session, bounded and any"),
        };
        if (level == ReadLevel.Session && session is null)
        {
            throw new InvalidRequestException("a session read needs the header Atoll-Session: the token of an earlier answer, or \"new\"");
        }

        var staleness = Duration(context, "Atoll-Max-Staleness", "staleness");
        if (level == ReadLevel.Bounded && staleness is null)
        {
            throw new InvalidRequestException("a bounded read needs Atoll-Max-Staleness (or the query parameter staleness), such as 500ms");
        }

        return new ReadOptions
        {
            Level = level,
            Consistency = Consistency(context),
            Session = session,
            MaxStaleness = staleness ?? TimeSpan.Zero,
            Timeout = Timeout(context),
        };
    }

    public static WriteOptions Write(HttpContext context, Session? session, string space, ReadOnlySpan<byte> key, HybridTime now) => new()
    {
        TimeToLive = Duration(context, "Atoll-TTL", "ttl"),
        Consistency = Consistency(context),
        Context = Context(context),
        Session = session,
        Timeout = Timeout(context),
        Identity = Identity(context, space, key, now),
    };

    /// <summary>The session of the request: null when it has none.</summary>
    public static Session? Session(HttpContext context)
    {
        var token = context.Request.Headers["Atoll-Session"].ToString();
        return token.Length == 0 ? null
            : token == "new" ? new Session()
            : Services.Calls.Session.TryParse(token, out var session) ? session
            : throw new InvalidRequestException("the header Atoll-Session holds no session token");
    }

    public static void ReturnSession(HttpContext context, Session? session)
    {
        if (session is not null)
        {
            context.Response.Headers["Atoll-Session"] = session.ToToken();
        }
    }

    /// <summary>The version that a write demands: null for none, zero for "must not exist".</summary>
    public static HybridTime? Expected(HttpContext context)
    {
        var match = context.Request.Headers.IfMatch.ToString().Trim();
        var noneMatch = context.Request.Headers.IfNoneMatch.ToString().Trim();
        if (match.Length > 0 && noneMatch.Length > 0)
        {
            throw new InvalidRequestException("give If-Match or If-None-Match, not both");
        }

        if (noneMatch.Length > 0)
        {
            return noneMatch == "*" ? HybridTime.Zero
                : throw new InvalidRequestException("a write takes If-None-Match only as *: must not exist");
        }

        return match.Length == 0 ? null
            : TryParseETag(match, out var version) && version != HybridTime.Zero ? version
            : throw new InvalidRequestException("If-Match must be one entity tag as answers give it: a version in quotes");
    }

    public static bool TryParseETag(string text, out HybridTime version)
    {
        version = default;
        if (text.Length < 3 || text[0] != '"' || text[^1] != '"'
            || !ulong.TryParse(text.AsSpan(1, text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        version = new HybridTime(value);
        return true;
    }

    public static byte[] QueryBytes(HttpContext context, string name) =>
        PercentEncoding.TryGetParameter(context.Request.QueryString.Value ?? "", name, out var value)
            ? value ?? []
            : throw new InvalidRequestException($"the query parameter {name} is badly percent-encoded");

    public static bool QueryFlag(HttpContext context, string name) => context.Request.Query[name].ToString() switch
    {
        "" when context.Request.Query.ContainsKey(name) => true,
        "" or "false" or "0" => false,
        "true" or "1" => true,
        var other => throw new InvalidRequestException($"the query parameter {name} is true or false, not \"{other}\""),
    };

    public static long QueryLimit(HttpContext context) => context.Request.Query["limit"].ToString() switch
    {
        "" => 0,
        var text => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0
            ? limit
            : throw new InvalidRequestException("the query parameter limit must be a number from 1 on"),
    };

    /// <summary>The whole body.</summary>
    /// <exception cref="TooLargeException">It is longer than any value may be.</exception>
    public static async ValueTask<byte[]> BodyAsync(HttpContext context, int bytesMax)
    {
        if (context.Request.ContentLength is { } announced)
        {
            if (announced > bytesMax)
            {
                throw TooLarge(announced, bytesMax);
            }

            var body = new byte[announced];
            await context.Request.Body.ReadExactlyAsync(body, context.RequestAborted).ConfigureAwait(false);
            return body;
        }

        var reader = context.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            if (result.Buffer.Length > bytesMax)
            {
                throw TooLarge(result.Buffer.Length, bytesMax);
            }

            if (result.IsCompleted)
            {
                var body = System.Buffers.BuffersExtensions.ToArray(result.Buffer);
                reader.AdvanceTo(result.Buffer.End);
                return body;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>How long the request may take; null when it does not say.</summary>
    public static TimeSpan? Timeout(HttpContext context) => Duration(context, "Atoll-Timeout", "timeout");

    /// <summary>
    /// The identity that an Idempotency-Key stands for; none when there is no such header. Method, space and record are part of it: the
    /// same key on another record is another request. The cluster remembers answers for ten minutes.
    /// </summary>
    public static RequestIdentity Identity(HttpContext context, string space, ReadOnlySpan<byte> key, HybridTime now)
    {
        var text = context.Request.Headers["Idempotency-Key"].ToString();
        if (text.Length == 0)
        {
            return RequestIdentity.None;
        }

        if (Encoding.UTF8.GetByteCount(text) > IdempotencyKeyBytesMax)
        {
            throw new InvalidRequestException($"Idempotency-Key has more than {IdempotencyKeyBytesMax} bytes");
        }

        var writer = new WireWriter();
        writer.WriteString(context.Request.Method);
        writer.WriteString(space);
        writer.WriteBytes(key);
        writer.WriteString(text);
        return new RequestIdentity(Math.Max(1, StableHash.Compute(writer.Written)), 1, 0, now);
    }

    // What a get of a record that keeps siblings answered.
    private static byte[] Context(HttpContext context)
    {
        var text = Text(context, "Atoll-Context", "context") ?? "";
        return RecordJson.TryReadContext(text, out var bytes)
            ? bytes : throw new InvalidRequestException("Atoll-Context must be the context of a get, as its answer gave it");
    }

    private static RequestConsistency? Consistency(HttpContext context) => Text(context, "Atoll-Consistency", "consistency") switch
    {
        null or "" => null,
        var text => ConsistencyText.TryParse(text, out var consistency)
            ? consistency
            : throw new InvalidRequestException($"\"{text}\" is not a consistency level; there are {ConsistencyText.Names}"),
    };

    private static TimeSpan? Duration(HttpContext context, string header, string query) => Text(context, header, query) switch
    {
        null or "" => null,
        var text => DurationText.TryParse(text, out var duration)
            ? duration
            : throw new InvalidRequestException(
                $"{header} (or the query parameter {query}) must be a duration such as 500ms, 30s, 5m or 12h"),
    };

    private static string? Text(HttpContext context, string header, string query)
    {
        var text = context.Request.Headers[header].ToString();
        return text.Length > 0 ? text : context.Request.Query[query].ToString();
    }

    private static TooLargeException TooLarge(long bytes, int bytesMax) =>
        new($"the body has {bytes} bytes or more, and at most {bytesMax} are taken here; a value has at most {Limits.ValueBytesMax}");
}
