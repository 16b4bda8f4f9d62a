using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Requests;

namespace Atoll.Node.Requests;

/// <summary>
/// Requests and responses as bytes: the same form between nodes, and between clients and nodes (docs/protocol.md). Unknown versions and
/// anything malformed decode to false, never to an exception.
/// </summary>
public static class RequestCodec
{
    /// <summary>The version that this code writes, in the first byte of each request and response.</summary>
    public const byte Version = 1;

    private const int TraceContextBytesMax = 64;

    // In the byte of a read's level, and in that of a response's status: what only eventual spaces have follows at once.
    private const byte WithConsistency = 0x80;
    private const byte WithShortfall = 0x80;

    /// <summary>Appends the request.</summary>
    public static void Write(WireWriter writer, Request request) =>
        Write(writer, request, request.Shard, request.Hops, request.Timeout, request.TraceContext.Span);

    /// <summary>
    /// Appends the request as it is passed on: to a known shard, one hop further, with the time that is left and the trace's next parent.
    /// </summary>
    public static void WriteForwarded(
        WireWriter writer, Request request, ShardId shard, Duration timeLeft, ReadOnlySpan<byte> traceContext) =>
        Write(writer, request, shard, (byte)Math.Min(byte.MaxValue, request.Hops + 1), timeLeft, traceContext);

    /// <summary>Reads a request; its payload is a slice of the input.</summary>
    public static bool TryRead(ref WireReader reader, out Request request)
    {
        request = new Request { Kind = default };
        var version = reader.ReadByte();
        var kind = (RequestKind)reader.ReadByte();
        var levels = reader.ReadByte();
        var level = (ReadLevel)(levels & ~WithConsistency);
        var consistency = (levels & WithConsistency) != 0
            ? new RequestConsistency((ConsistencyLevel)reader.ReadByte(), (SerialLevel)reader.ReadByte()) : (RequestConsistency?)null;
        var hops = reader.ReadByte();
        var space = new SpaceId(reader.ReadVarint());
        var shard = new ShardId(reader.ReadVarint());
        var hash = reader.ReadUInt64();
        var identity = RequestIdentity.Read(ref reader);

        var timeout = ReadDuration(ref reader);
        var linger = ReadDuration(ref reader);
        var staleness = ReadDuration(ref reader);
        var minVersion = new HybridTime(reader.ReadVarint());
        var trace = reader.ReadBytes();
        var payload = reader.ReadBytes();
        if (!reader.Ok || version != Version || kind is < RequestKind.Write or > RequestKind.ReadIndex
            || level > ReadLevel.Any || consistency is { IsKnown: false }
            || payload.Length > Limits.EntryBytesMax || trace.Length > TraceContextBytesMax)
        {
            return false;
        }

        request = new Request
        {
            Kind = kind,
            Level = level,
            Consistency = consistency,
            Hops = hops,
            Space = space,
            Shard = shard,
            RoutingHash = hash,
            Identity = identity,
            Timeout = timeout,
            Linger = linger,
            MaxStaleness = staleness,
            MinVersion = minVersion,
            TraceContext = trace,
            Payload = payload,
        };
        return true;
    }

    /// <summary>Appends the response.</summary>
    public static void Write(WireWriter writer, in Response response)
    {
        writer.WriteByte(Version);
        writer.WriteByte((byte)((byte)response.Status | (response.Shortfall is null ? 0 : WithShortfall)));
        response.Shortfall?.WriteTo(writer);
        writer.WriteVarint(response.LeaderHint.Value);
        WriteDuration(writer, response.RetryAfter);
        writer.WriteVarint(response.AppliedVersion.Value);
        writer.WriteVarint(response.Shard.Value);
        writer.WriteString(response.Detail ?? "");
        writer.WriteBytes(response.Body.Span);
    }

    /// <summary>Reads a response; its body is a slice of the input.</summary>
    public static bool TryRead(ref WireReader reader, out Response response)
    {
        var version = reader.ReadByte();
        var status = reader.ReadByte();
        var shortfall = (status & WithShortfall) != 0 ? QuorumShortfall.Read(ref reader) : (QuorumShortfall?)null;
        var hint = new NodeId((uint)reader.ReadCount(int.MaxValue));
        var retryAfter = ReadDuration(ref reader);
        var applied = new HybridTime(reader.ReadVarint());
        var shard = new ShardId(reader.ReadVarint());
        var detail = reader.ReadString();
        var body = reader.ReadBytes();
        response = new Response(
            (ResponseStatus)(status & ~WithShortfall), body, hint, retryAfter, applied, shard, detail.Length == 0 ? null : detail)
        {
            Shortfall = shortfall,
        };
        return reader.Ok && version == Version;
    }

    private static void Write(
        WireWriter writer, Request request, ShardId shard, byte hops, Duration timeout, ReadOnlySpan<byte> traceContext)
    {
        writer.WriteByte(Version);
        writer.WriteByte((byte)request.Kind);
        writer.WriteByte((byte)((byte)request.Level | (request.Consistency is null ? 0 : WithConsistency)));
        if (request.Consistency is { } consistency)
        {
            writer.WriteByte((byte)consistency.Level);
            writer.WriteByte((byte)consistency.Serial);
        }

        writer.WriteByte(hops);
        writer.WriteVarint(request.Space.Value);
        writer.WriteVarint(shard.Value);
        writer.WriteUInt64(request.RoutingHash);
        request.Identity.Write(writer);

        WriteDuration(writer, timeout);
        WriteDuration(writer, request.Linger);
        WriteDuration(writer, request.MaxStaleness);
        writer.WriteVarint(request.MinVersion.Value);
        writer.WriteBytes(traceContext);
        writer.WriteBytes(request.Payload.Span);
    }

    private static void WriteDuration(WireWriter writer, Duration duration) =>
        writer.WriteVarint((ulong)Math.Max(0, duration.Nanoseconds / 1_000));

    // Microseconds on the wire, capped at 68 years so that no later addition overflows.
    private static Duration ReadDuration(ref WireReader reader)
    {
        var microseconds = reader.ReadVarint();
        return microseconds > int.MaxValue * 1_000_000UL
            ? Duration.FromSeconds(int.MaxValue)
            : Duration.FromMicroseconds((long)microseconds);
    }
}
