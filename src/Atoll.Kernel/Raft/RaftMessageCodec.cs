using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// The bytes of a <see cref="RaftMessage"/>: one byte of kind, the term, then the kind's fields as varints. A kind that a reader does not
/// know, a field that is out of range and bytes left over make the message unreadable as a whole.
/// </summary>
public static class RaftMessageCodec
{
    /// <summary>Entries in one Append, at most: beyond it a message is nonsense.</summary>
    public const int EntriesMax = 64 * 1024;

    // The least that an entry takes: kind, term, length.
    private const int EntryBytesMin = 3;

    /// <summary>Writes a message behind what the writer holds.</summary>
    public static void Write(WireWriter writer, in RaftMessage message)
    {
        writer.WriteByte((byte)message.Kind);
        writer.WriteVarint(message.Term.Value);
        switch (message.Kind)
        {
            case RaftMessageKind.PreVote:
            case RaftMessageKind.Quiesce:
                WritePosition(writer, message);
                break;
            case RaftMessageKind.Vote:
                WritePosition(writer, message);
                writer.WriteBool(message.IsTransfer);
                break;
            case RaftMessageKind.PreVoteReply:
            case RaftMessageKind.VoteReply:
                writer.WriteBool(message.Granted);
                break;
            case RaftMessageKind.Append:
                WritePosition(writer, message);
                writer.WriteVarint(message.Commit.Value);
                WriteEntries(writer, message.Index, message.Entries.Span);
                break;
            case RaftMessageKind.AppendReply:
                writer.WriteBool(message.Granted);
                writer.WriteVarint(message.Index.Value);
                if (!message.Granted)
                {
                    writer.WriteVarint(message.HintIndex.Value);
                    writer.WriteVarint(message.LogTerm.Value);
                }

                break;
            case RaftMessageKind.Heartbeat:
                writer.WriteVarint(message.Round);
                writer.WriteVarint(message.Commit.Value);
                break;
            case RaftMessageKind.HeartbeatReply:
                writer.WriteVarint(message.Round);
                break;
            case RaftMessageKind.SnapshotChunk:
                WriteSnapshotChunk(writer, message);
                break;
            case RaftMessageKind.SnapshotReply:
                writer.WriteVarint(message.Index.Value);
                writer.WriteVarint((ulong)message.Offset);
                writer.WriteByte((byte)message.Status);
                break;
            case RaftMessageKind.TimeoutNow:
                break;
            case RaftMessageKind.RebuildAsk:
            case RaftMessageKind.RebuildTarget:
                writer.WriteUInt64(message.Round);
                writer.WriteVarint(message.Index.Value);
                break;
            default:
                Check.Unreachable("a message of unknown kind is written");
                break;
        }
    }

    /// <summary>Reads a message that ends where the input does. Payloads and pieces are slices of the input.</summary>
    public static bool TryRead(ref WireReader reader, out RaftMessage message)
    {
        var kind = (RaftMessageKind)reader.ReadByte();
        var term = ReadTerm(ref reader);
        message = kind switch
        {
            RaftMessageKind.PreVote => RaftMessage.PreVote(term, ReadIndex(ref reader), ReadTerm(ref reader)),
            RaftMessageKind.PreVoteReply => RaftMessage.PreVoteReply(term, reader.ReadBool()),
            RaftMessageKind.Vote => RaftMessage.Vote(term, ReadIndex(ref reader), ReadTerm(ref reader), reader.ReadBool()),
            RaftMessageKind.VoteReply => RaftMessage.VoteReply(term, reader.ReadBool()),
            RaftMessageKind.Append => ReadAppend(ref reader, term),
            RaftMessageKind.AppendReply => ReadAppendReply(ref reader, term),
            RaftMessageKind.Heartbeat => RaftMessage.Heartbeat(term, reader.ReadVarint(), ReadIndex(ref reader)),
            RaftMessageKind.HeartbeatReply => RaftMessage.HeartbeatReply(term, reader.ReadVarint()),
            RaftMessageKind.SnapshotChunk => ReadSnapshotChunk(ref reader, term),
            RaftMessageKind.SnapshotReply => ReadSnapshotReply(ref reader, term),
            RaftMessageKind.TimeoutNow => RaftMessage.TimeoutNow(term),
            RaftMessageKind.Quiesce => RaftMessage.Quiesce(term, ReadIndex(ref reader), ReadTerm(ref reader)),
            RaftMessageKind.RebuildAsk => RaftMessage.RebuildAsk(term, reader.ReadUInt64(), ReadIndex(ref reader)),
            RaftMessageKind.RebuildTarget => RaftMessage.RebuildTarget(term, reader.ReadUInt64(), ReadIndex(ref reader)),
            _ => Unknown(ref reader),
        };

        if (reader.OkAtEnd)
        {
            return true;
        }

        message = default;
        return false;
    }

    private static void WritePosition(WireWriter writer, in RaftMessage message)
    {
        writer.WriteVarint(message.Index.Value);
        writer.WriteVarint(message.LogTerm.Value);
    }

    private static void WriteEntries(WireWriter writer, LogIndex previous, ReadOnlySpan<LogEntry> entries)
    {
        Check.That(entries.Length <= EntriesMax);
        writer.WriteVarint((ulong)entries.Length);
        foreach (ref readonly var entry in entries)
        {
            // Indices are consecutive, so only the count travels.
            Check.That(entry.Index == previous.Next);
            previous = entry.Index;
            writer.WriteByte((byte)entry.Kind);
            writer.WriteVarint(entry.Term.Value);
            writer.WriteBytes(entry.Payload.Span);
        }
    }

    private static void WriteSnapshotChunk(WireWriter writer, in RaftMessage message)
    {
        Check.That(message.Membership is not null);
        Check.That(message.Offset >= 0 && message.Offset + message.Bytes.Length <= message.TotalBytes);
        WritePosition(writer, message);
        writer.WriteBytes(message.Membership.ToBytes());
        writer.WriteVarint((ulong)message.Offset);
        writer.WriteVarint((ulong)message.TotalBytes);
        writer.WriteBytes(message.Bytes.Span);
    }

    private static RaftMessage ReadAppend(ref WireReader reader, Term term)
    {
        var previous = ReadIndex(ref reader);
        var previousTerm = ReadTerm(ref reader);
        var commit = ReadIndex(ref reader);
        var count = reader.ReadCount(Math.Min(EntriesMax, reader.Remaining / EntryBytesMin));
        if (!reader.Ok)
        {
            return default;
        }

        var entries = count == 0 ? [] : new LogEntry[count];
        var index = previous;
        for (var i = 0; i < count; i++)
        {
            var kind = (EntryKind)reader.ReadByte();
            var entryTerm = ReadTerm(ref reader);
            var payload = reader.ReadBytes();
            if (kind > EntryKind.Membership || payload.Length > Limits.EntryBytesMax)
            {
                reader.Fail();
            }

            if (!reader.Ok)
            {
                return default;
            }

            index = index.Next;
            entries[i] = new LogEntry(index, entryTerm, kind, payload);
        }

        return RaftMessage.Append(term, previous, previousTerm, commit, entries);
    }

    private static RaftMessage ReadAppendReply(ref WireReader reader, Term term)
    {
        var matched = reader.ReadBool();
        var index = ReadIndex(ref reader);
        return matched
            ? RaftMessage.AppendMatched(term, index)
            : RaftMessage.AppendRefused(term, index, ReadIndex(ref reader), ReadTerm(ref reader));
    }

    private static RaftMessage ReadSnapshotChunk(ref WireReader reader, Term term)
    {
        var index = ReadIndex(ref reader);
        var snapshotTerm = ReadTerm(ref reader);
        if (!Membership.TryDecode(reader.ReadBytes(), out var membership))
        {
            reader.Fail();
        }

        var offset = ReadSize(ref reader);
        var total = ReadSize(ref reader);
        var bytes = reader.ReadBytes();
        if (offset > total || bytes.Length > total - offset)
        {
            reader.Fail();
        }

        return RaftMessage.SnapshotChunk(term, index, snapshotTerm, membership, offset, total, bytes);
    }

    private static RaftMessage ReadSnapshotReply(ref WireReader reader, Term term)
    {
        var index = ReadIndex(ref reader);
        var offset = ReadSize(ref reader);
        var status = (SnapshotStatus)reader.ReadByte();
        if (status > SnapshotStatus.Refused)
        {
            reader.Fail();
        }

        return RaftMessage.SnapshotReply(term, index, offset, status);
    }

    private static RaftMessage Unknown(ref WireReader reader)
    {
        reader.Fail();
        return default;
    }

    // Positions and terms are below 2^62, so that no arithmetic on them can overflow, whatever a peer sends.
    private static ulong ReadBounded(ref WireReader reader)
    {
        var value = reader.ReadVarint();
        if (value >= 1UL << 62)
        {
            reader.Fail();
            return 0;
        }

        return value;
    }

    private static LogIndex ReadIndex(ref WireReader reader) => new(ReadBounded(ref reader));

    private static Term ReadTerm(ref WireReader reader) => new(ReadBounded(ref reader));

    private static long ReadSize(ref WireReader reader) => (long)ReadBounded(ref reader);
}
