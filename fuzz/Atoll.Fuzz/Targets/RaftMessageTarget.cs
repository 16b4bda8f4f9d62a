using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;

namespace Atoll.Fuzz.Targets;

/// <summary>Messages between replicas.</summary>
public sealed class RaftMessageTarget : CodecTarget
{
    private static readonly Membership Joint = new([new(3), new(4)], [new(1), new(3)], [new(1), new(300)]);

    /// <inheritdoc />
    public override string Name => "raft-message";

    /// <inheritdoc />
    public override string About => "RaftMessageCodec: read or refused; what is read is written and read as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Samples().Select(message => Bytes(w => RaftMessageCodec.Write(w, message)))];

    /// <summary>One message of each kind.</summary>
    internal static IEnumerable<RaftMessage> Samples()
    {
        LogEntry[] entries =
        [
            new(new LogIndex(8), new Term(2), EntryKind.Empty, default),
            new(new LogIndex(9), new Term(3), EntryKind.Command, new byte[] { 1, 2, 3 }),
            new(new LogIndex(10), new Term(3), EntryKind.Membership, Joint.ToBytes()),
        ];
        yield return RaftMessage.PreVote(new Term(300), new LogIndex(7), new Term(2));
        yield return RaftMessage.PreVoteReply(new Term(3), granted: true);
        yield return RaftMessage.Vote(new Term(3), new LogIndex(7), new Term(2), isTransfer: true);
        yield return RaftMessage.VoteReply(new Term(3), granted: false);
        yield return RaftMessage.Append(new Term(3), new LogIndex(7), new Term(2), new LogIndex(5), entries);
        yield return RaftMessage.AppendMatched(new Term(3), new LogIndex(7));
        yield return RaftMessage.AppendRefused(new Term(3), new LogIndex(7), new LogIndex(5), new Term(2));
        yield return RaftMessage.Heartbeat(new Term(3), 9, new LogIndex(5));
        yield return RaftMessage.HeartbeatReply(new Term(3), 9);
        yield return RaftMessage.SnapshotChunk(new Term(3), new LogIndex(7), new Term(2), Joint, 4, 6, new byte[] { 255, 254 });
        yield return RaftMessage.SnapshotReply(new Term(3), new LogIndex(7), 5, SnapshotStatus.Refused);
        yield return RaftMessage.TimeoutNow(new Term(3));
        yield return RaftMessage.Quiesce(new Term(3), new LogIndex(7), new Term(2));
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new WireReader(input);
        if (!RaftMessageCodec.TryRead(ref reader, out var message))
        {
            outcome = $"refused {(input.IsEmpty ? 0 : Math.Min(input.Span[0], (byte)13))}";
            return false;
        }

        outcome = message.Kind.ToString();
        BrokenPromiseException.Unless(message.ToString().Length > 0, "every message can be told in words");
        RaftMessageCodec.Write(again, message);
        return true;
    }
}
