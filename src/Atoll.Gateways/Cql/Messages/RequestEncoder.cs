using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>Writes requests, as a client does.</summary>
public static class RequestEncoder
{
    /// <summary>Appends the frame of a request.</summary>
    /// <param name="writer">Receives header and body; not compressed, and not in a segment.</param>
    /// <param name="version">The version.</param>
    /// <param name="stream">What the answer comes back under; not negative.</param>
    /// <param name="request">The request. What the version has no room for is left out.</param>
    public static void Write(WireWriter writer, CqlVersion version, short stream, CqlRequest request)
    {
        Check.That(stream >= 0);
        var hasPayload = request.CustomPayload is not null && version >= CqlVersion.V4;
        var flags = (request.Tracing ? CqlFrameFlags.Tracing : 0) | (hasPayload ? CqlFrameFlags.CustomPayload : 0);
        var start = FrameWriter.Begin(writer);
        if (hasPayload)
        {
            MessageParts.WritePayload(writer, request.CustomPayload!);
        }

        WriteBody(writer, version, request);
        FrameWriter.End(writer, start, version, isResponse: false, flags, stream, request.Opcode);
    }

    private static void WriteBody(WireWriter writer, CqlVersion version, CqlRequest request)
    {
        switch (request)
        {
            case StartupRequest startup:
                writer.WriteShort((ushort)startup.Options.Count);
                foreach (var (name, value) in startup.Options.OrderBy(option => option.Key, StringComparer.Ordinal))
                {
                    writer.WriteShortString(name);
                    writer.WriteShortString(value);
                }

                break;
            case AuthResponseRequest authentication:
                writer.WriteNullableBytes(authentication.Token);
                break;
            case RegisterRequest register:
                writer.WriteStringList(register.EventTypes);
                break;
            case QueryRequest query:
                writer.WriteLongString(query.Query);
                WriteParameters(writer, version, query.Options, query.SkipMetadata);
                break;
            case PrepareRequest prepare:
                WritePrepare(writer, version, prepare);
                break;
            case ExecuteRequest execute:
                writer.WriteShortBytes(execute.Id.Span);
                if (version >= CqlVersion.V5)
                {
                    writer.WriteShortBytes(execute.ResultMetadataId.Span);
                }

                WriteParameters(writer, version, execute.Options, execute.SkipMetadata);
                break;
            case BatchRequest batch:
                WriteBatch(writer, version, batch);
                break;
            default:
                Check.That(request is OptionsRequest);
                break;
        }
    }

    private static void WritePrepare(WireWriter writer, CqlVersion version, PrepareRequest prepare)
    {
        writer.WriteLongString(prepare.Query);
        if (version >= CqlVersion.V5)
        {
            writer.WriteInt(prepare.Keyspace is null ? 0 : 1);
            if (prepare.Keyspace is { } keyspace)
            {
                writer.WriteShortString(keyspace);
            }
        }
    }

    private static void WriteBatch(WireWriter writer, CqlVersion version, BatchRequest batch)
    {
        writer.WriteByte((byte)batch.Kind);
        writer.WriteShort((ushort)batch.Items.Count);
        foreach (var item in batch.Items)
        {
            writer.WriteBool(item.Query is null);
            if (item.Query is { } query)
            {
                writer.WriteLongString(query);
            }
            else
            {
                writer.WriteShortBytes(item.PreparedId.Span);
            }

            WriteValues(writer, version, item.Values);
        }

        writer.WriteShort((ushort)batch.Options.Consistency);
        var flags = FlagsOf(version, batch.Options) & StatementFlags.OfBatch & ~StatementFlags.NamesForValues;
        WriteFlags(writer, version, flags);
        WriteOptional(writer, flags, batch.Options);
    }

    private static void WriteParameters(WireWriter writer, CqlVersion version, StatementOptions options, bool skipMetadata)
    {
        writer.WriteShort((ushort)options.Consistency);
        var flags = FlagsOf(version, options) | (skipMetadata ? StatementFlags.SkipMetadata : 0);
        WriteFlags(writer, version, flags);
        if (options.NamedValues is { } named)
        {
            writer.WriteShort((ushort)named.Count);
            foreach (var (name, value) in named.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                writer.WriteShortString(name);
                WriteValue(writer, version, value);
            }
        }
        else if (options.Values.Count > 0)
        {
            WriteValues(writer, version, options.Values);
        }

        if (flags.HasFlag(StatementFlags.PageSize))
        {
            writer.WriteInt(options.PageSize);
        }

        if (flags.HasFlag(StatementFlags.PagingState))
        {
            writer.WriteNullableBytes(options.PagingState);
        }

        WriteOptional(writer, flags, options);
    }

    private static void WriteOptional(WireWriter writer, StatementFlags flags, StatementOptions options)
    {
        if (options.SerialConsistency is { } serial)
        {
            writer.WriteShort((ushort)serial);
        }

        if (options.DefaultTimestampMicros is { } timestamp)
        {
            writer.WriteLong(timestamp);
        }

        if (flags.HasFlag(StatementFlags.Keyspace))
        {
            writer.WriteShortString(options.Keyspace!);
        }

        if (flags.HasFlag(StatementFlags.NowInSeconds))
        {
            writer.WriteInt(options.NowSeconds!.Value);
        }
    }

    private static StatementFlags FlagsOf(CqlVersion version, StatementOptions options)
    {
        var flags = (options.NamedValues is not null ? StatementFlags.Values | StatementFlags.NamesForValues : 0)
            | (options.NamedValues is null && options.Values.Count > 0 ? StatementFlags.Values : 0)
            | (options.PageSize > 0 ? StatementFlags.PageSize : 0)
            | (options.PagingState.IsEmpty ? 0 : StatementFlags.PagingState)
            | (options.SerialConsistency is null ? 0 : StatementFlags.SerialConsistency)
            | (options.DefaultTimestampMicros is null ? 0 : StatementFlags.DefaultTimestamp)
            | (options.Keyspace is null ? 0 : StatementFlags.Keyspace)
            | (options.NowSeconds is null ? 0 : StatementFlags.NowInSeconds);
        return version >= CqlVersion.V5 ? flags : flags & ~StatementFlags.SinceV5;
    }

    private static void WriteFlags(WireWriter writer, CqlVersion version, StatementFlags flags)
    {
        if (version >= CqlVersion.V5)
        {
            writer.WriteInt((int)flags);
        }
        else
        {
            writer.WriteByte((byte)flags);
        }
    }

    private static void WriteValues(WireWriter writer, CqlVersion version, IReadOnlyList<CqlValue> values)
    {
        writer.WriteShort((ushort)values.Count);
        foreach (var value in values)
        {
            WriteValue(writer, version, value);
        }
    }

    private static void WriteValue(WireWriter writer, CqlVersion version, CqlValue value)
    {
        if (value.IsUnset && version >= CqlVersion.V4)
        {
            writer.WriteInt(-2);
        }
        else
        {
            writer.WriteNullableBytes(value.BytesOrNull);
        }
    }
}
