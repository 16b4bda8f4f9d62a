using System.Diagnostics.CodeAnalysis;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>
/// Reads requests. What follows a message in its body is ignored, as the protocol asks, so that later versions may add to it. Values are
/// slices of the body.
/// </summary>
public static class RequestDecoder
{
    /// <summary>Reads the request of a frame.</summary>
    /// <param name="frame">The frame, of a version that is spoken here.</param>
    /// <param name="request">The request.</param>
    /// <param name="fault">Why there is none, in words for the client's programmer; else empty.</param>
    public static bool TryDecode(in CqlFrame frame, [NotNullWhen(true)] out CqlRequest? request, out string fault)
    {
        request = null;
        fault = "";
        var version = (CqlVersion)frame.Header.Version;
        var opcode = frame.Header.Opcode;
        if (frame.Header.IsResponse)
        {
            fault = "a response came where a request was expected";
            return false;
        }

        if (!IsRequest(opcode))
        {
            fault = $"an opcode of {(byte)opcode} is no request";
            return false;
        }

        var reader = new CqlReader(frame.Body);
        Dictionary<string, ReadOnlyMemory<byte>?>? payload = null;
        if (frame.Header.Flags.HasFlag(CqlFrameFlags.CustomPayload))
        {
            if (version < CqlVersion.V4)
            {
                fault = "a custom payload needs version 4 of the protocol";
                return false;
            }

            payload = MessageParts.ReadPayload(ref reader);
        }

        request = Read(opcode, ref reader, version, ref fault);
        if (fault.Length == 0 && !reader.Ok)
        {
            fault = $"the {Name(opcode)} message cannot be decoded";
        }

        if (fault.Length > 0 || request is null)
        {
            request = null;
            return false;
        }

        if (payload is not null || frame.Header.Flags.HasFlag(CqlFrameFlags.Tracing))
        {
            request = request with { CustomPayload = payload, Tracing = frame.Header.Flags.HasFlag(CqlFrameFlags.Tracing) };
        }

        return true;
    }

    private static bool IsRequest(CqlOpcode opcode) => opcode is CqlOpcode.Startup or CqlOpcode.Options or CqlOpcode.Query
        or CqlOpcode.Prepare or CqlOpcode.Execute or CqlOpcode.Register or CqlOpcode.Batch or CqlOpcode.AuthResponse;

    private static string Name(CqlOpcode opcode) =>
        opcode == CqlOpcode.AuthResponse ? "AUTH_RESPONSE" : opcode.ToString().ToUpperInvariant();

    private static CqlRequest? Read(CqlOpcode opcode, ref CqlReader reader, CqlVersion version, ref string fault)
    {
        switch (opcode)
        {
            case CqlOpcode.Startup:
                return new StartupRequest(ReadOptions(ref reader));
            case CqlOpcode.Options:
                return new OptionsRequest();
            case CqlOpcode.AuthResponse:
                return new AuthResponseRequest(reader.ReadBytes());
            case CqlOpcode.Register:
                return new RegisterRequest(reader.ReadStringList());
            case CqlOpcode.Prepare:
                var prepared = reader.ReadLongString();
                const int withKeyspace = 0x01;
                var hasKeyspace = version >= CqlVersion.V5 && (reader.ReadInt() & withKeyspace) != 0;
                return new PrepareRequest(prepared, hasKeyspace ? reader.ReadString() : null);
            case CqlOpcode.Query:
                var query = reader.ReadLongString();
                var options = ReadParameters(ref reader, version, out var skipMetadata, ref fault);
                return new QueryRequest(query, options, skipMetadata);
            case CqlOpcode.Execute:
                var id = reader.ReadShortBytes();
                var metadataId = version >= CqlVersion.V5 ? reader.ReadShortBytes() : default;
                options = ReadParameters(ref reader, version, out skipMetadata, ref fault);
                return new ExecuteRequest(id, metadataId, options, skipMetadata);
            case CqlOpcode.Batch:
                return ReadBatch(ref reader, version, ref fault);
            default:
                return null;
        }
    }

    private static Dictionary<string, string> ReadOptions(ref CqlReader reader)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var left = reader.ReadShortCount(4); left > 0 && reader.Ok; left--)
        {
            options[reader.ReadString()] = reader.ReadString();
        }

        return options;
    }

    private static BatchRequest? ReadBatch(ref CqlReader reader, CqlVersion version, ref string fault)
    {
        var kind = reader.ReadByte();
        if (reader.Ok && kind > (byte)BatchKind.Counter)
        {
            fault = $"a batch of type {kind} does not exist";
            return null;
        }

        var items = new BatchItem[reader.ReadShortCount(5)];
        for (var i = 0; i < items.Length && reader.Ok; i++)
        {
            var isPrepared = reader.ReadByte();
            if (isPrepared > 1)
            {
                fault = $"a statement of kind {isPrepared} in a batch does not exist";
                return null;
            }

            items[i] = isPrepared == 1
                ? new BatchItem(null, reader.ReadShortBytes(), ReadValues(ref reader, version))
                : new BatchItem(reader.ReadLongString(), default, ReadValues(ref reader, version));
        }

        var consistency = ReadConsistency(ref reader, ref fault);
        var flags = ReadFlags(ref reader, version) & StatementFlags.OfBatch;
        if (flags.HasFlag(StatementFlags.NamesForValues))
        {
            // The flag comes behind the values that it is about: what was read as values has names in it.
            fault = "the values of a batch cannot be named";
            return null;
        }

        return new BatchRequest((BatchKind)kind, items, ReadOptional(ref reader, flags, consistency, ref fault));
    }

    private static StatementOptions ReadParameters(ref CqlReader reader, CqlVersion version, out bool skipMetadata, ref string fault)
    {
        var consistency = ReadConsistency(ref reader, ref fault);
        var flags = ReadFlags(ref reader, version);
        skipMetadata = flags.HasFlag(StatementFlags.SkipMetadata);
        IReadOnlyList<CqlValue> values = [];
        Dictionary<string, CqlValue>? named = null;
        if (flags.HasFlag(StatementFlags.Values) && flags.HasFlag(StatementFlags.NamesForValues))
        {
            named = new Dictionary<string, CqlValue>(StringComparer.Ordinal);
            for (var left = reader.ReadShortCount(6); left > 0 && reader.Ok; left--)
            {
                named[reader.ReadString()] = ReadValue(ref reader, version);
            }
        }
        else if (flags.HasFlag(StatementFlags.Values))
        {
            values = ReadValues(ref reader, version);
        }

        var pageSize = flags.HasFlag(StatementFlags.PageSize) ? Math.Max(0, reader.ReadInt()) : 0;
        var pagingState = flags.HasFlag(StatementFlags.PagingState) ? reader.ReadBytes() ?? default : default;
        var options = ReadOptional(ref reader, flags, consistency, ref fault);
        return options with { Values = values, NamedValues = named, PageSize = pageSize, PagingState = pagingState };
    }

    private static StatementOptions ReadOptional(
        ref CqlReader reader, StatementFlags flags, CqlConsistency consistency, ref string fault)
    {
        CqlConsistency? serial = flags.HasFlag(StatementFlags.SerialConsistency) ? ReadConsistency(ref reader, ref fault) : null;
        long? timestamp = flags.HasFlag(StatementFlags.DefaultTimestamp) ? reader.ReadLong() : null;
        if (timestamp == long.MinValue)
        {
            fault = "the timestamp is out of bounds";
        }

        return new StatementOptions
        {
            Consistency = consistency,
            SerialConsistency = serial,
            DefaultTimestampMicros = timestamp,
            Keyspace = flags.HasFlag(StatementFlags.Keyspace) ? reader.ReadString() : null,
            NowSeconds = flags.HasFlag(StatementFlags.NowInSeconds) ? reader.ReadInt() : null,
        };
    }

    private static StatementFlags ReadFlags(ref CqlReader reader, CqlVersion version) => version >= CqlVersion.V5
        ? (StatementFlags)(uint)reader.ReadInt()
        : (StatementFlags)reader.ReadByte() & ~StatementFlags.SinceV5;

    private static CqlConsistency ReadConsistency(ref CqlReader reader, ref string fault)
    {
        var code = reader.ReadShort();
        if (code > (ushort)CqlConsistency.LocalOne)
        {
            fault = $"a consistency level of {code} does not exist";
        }

        return (CqlConsistency)code;
    }

    private static CqlValue[] ReadValues(ref CqlReader reader, CqlVersion version)
    {
        var values = new CqlValue[reader.ReadShortCount(4)];
        for (var i = 0; i < values.Length && reader.Ok; i++)
        {
            values[i] = ReadValue(ref reader, version);
        }

        return values;
    }

    private static CqlValue ReadValue(ref CqlReader reader, CqlVersion version)
    {
        const int unset = -2;
        var length = reader.ReadInt();
        if (length >= 0)
        {
            return CqlValue.Of(reader.ReadRaw(length));
        }

        if (version >= CqlVersion.V4 && length < -1)
        {
            if (length != unset)
            {
                reader.Fail();
            }

            return CqlValue.Unset;
        }

        return CqlValue.Null;
    }
}
