using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;

namespace Atoll.Fuzz.Targets;

/// <summary>A message or a durable state of leaderless replication and of Paxos.</summary>
public sealed class EventualTarget : CodecTarget
{
    private static readonly Ballot Early = new(new HybridTime(300), new NodeId(1), 2);
    private static readonly Ballot Late = new(new HybridTime(301), new NodeId(1), 0);
    private static readonly PaxosDecree First = new(Early, Early, Early, Ballot.None, new byte[] { 1, 2 });
    private static readonly PaxosDecree Second = new(Late, Early, Early, Early, new byte[] { 3 });

    private readonly Func<ReadOnlyMemory<byte>, WireWriter, string?> _recode;

    private EventualTarget(
        string name, string about, IEnumerable<byte[]> seeds, Func<ReadOnlyMemory<byte>, WireWriter, string?> recode)
    {
        Name = name;
        About = about;
        Seeds = [.. seeds];
        _recode = recode;
    }

    /// <inheritdoc />
    public override string Name { get; }

    /// <inheritdoc />
    public override string About { get; }

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>All of them.</summary>
    public static IEnumerable<EventualTarget> All() => [PaxosMessages(), PaxosStates(), Messages(), SyncMessages(), Horizons(), Counters()];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var kind = _recode(input, again);
        outcome = kind ?? $"refused {(input.IsEmpty ? 0 : Math.Min(input.Span[0], (byte)13))}";
        return kind is not null;
    }

    private static EventualTarget PaxosMessages() => new(
        "paxos-message",
        "PaxosMessageCodec: read or refused; what is read is written and read as the same",
        Enum.GetValues<PaxosMessageKind>().Select(kind => Bytes(writer => PaxosMessageCodec.Write(writer, new PaxosMessage
        {
            Kind = kind, Operation = 5, Epoch = 7, Partition = new byte[] { 7 }, Ballot = Late, Decree = Second, LastCommitted = First,
            Bound = Early, Data = new byte[] { 9 },
        }))),
        static (input, again) =>
        {
            if (!PaxosMessageCodec.TryRead(input, out var message))
            {
                return null;
            }

            PaxosMessageCodec.Write(again, message);
            return message.Kind.ToString();
        });

    private static EventualTarget PaxosStates() => new(
        "paxos-state",
        "PaxosPartitionState.TryRead: read or refused; what is read is written and read as the same",
        [
            Bytes(new PaxosPartitionState(Late, Second, First, Early, Early, Ballot.None).Write),
            Bytes(new PaxosPartitionState(Late, PaxosDecree.None, Second, Ballot.None, Ballot.None, Early).Write),
        ],
        static (input, again) =>
        {
            if (!PaxosPartitionState.TryRead(input, out var state))
            {
                return null;
            }

            state.Write(again);
            return state.IsSettled ? "settled" : "unsettled";
        });

    private static EventualTarget Messages() => new(
        "eventual-message",
        "EventualMessageCodec: read or refused; what is read is written and read as the same",
        Enum.GetValues<EventualMessageKind>().Select(kind => Bytes(writer => EventualMessageCodec.Write(writer, new EventualMessage
        {
            Kind = kind, Operation = 300, Epoch = 2, Payload = new byte[] { 1, 2 }, VersionDigest = 5, Stamp = new HybridTime(77),
            Reason = RefusalReason.DiskFailed,
        }))),
        static (input, again) =>
        {
            if (!EventualMessageCodec.TryRead(input, out var message))
            {
                return null;
            }

            EventualMessageCodec.Write(again, message);
            return message.Kind.ToString();
        });

    private static EventualTarget SyncMessages() => new(
        "sync-message",
        "SyncMessageCodec: read or refused; what is read is written and read as the same",
        Enum.GetValues<SyncMessageKind>().Select(kind => Bytes(writer => SyncMessageCodec.Write(writer, new SyncMessage
        {
            Kind = kind, Exchange = 7, Sequence = 300, FirstToken = 5, LastToken = 6, Depth = 4,
            Report = new HorizonReport(3, new HybridTime(9), new HybridTime(8), new HybridTime(7)),
            Nodes = kind == SyncMessageKind.Partitions ? [12] : [1, 2, 3], Hashes = [1, 2, UInt128.MaxValue],
            Partitions = [new PartitionHash(new byte[] { 1 }, 5), new PartitionHash(new byte[] { 1, 2 }, 6)],
            Key = new byte[] { 4 }, ThroughKey = new byte[] { 5 }, Offered = 2, Version = new byte[] { 6, 7 }, Stamp = new HybridTime(77),
        }))),
        static (input, again) =>
        {
            if (!SyncMessageCodec.TryRead(input, out var message))
            {
                return null;
            }

            SyncMessageCodec.Write(again, message);
            return message.Kind.ToString();
        });

    private static EventualTarget Horizons()
    {
        var horizon = new RangeHorizon(new NodeId(1), 3, [new(1), new(2), new(3)], HybridTime.Zero);
        horizon.Close(new HybridTime(50));
        horizon.Synced(new NodeId(2), new HybridTime(45));
        return new EventualTarget(
            "range-horizon",
            "RangeHorizon.TryRead: read or refused; what is read is written and read as the same, and can go on",
            [Bytes(horizon.Write)],
            static (input, again) =>
            {
                if (RangeHorizon.TryRead(new NodeId(1), input) is not { } read)
                {
                    return null;
                }

                read.Write(again);
                read.Close(HybridTime.Max);
                read.Synced(new NodeId(2), HybridTime.Max);
                return read.IsJoining ? "joining" : "complete";
            });
    }

    private static EventualTarget Counters()
    {
        CounterValue.Zero.TryAdd(new CounterOrigin(new NodeId(1), 1), new CounterUpdateId(new HybridTime(5), 1, 1), -7, out var one);
        CounterValue.Zero.TryAdd(new CounterOrigin(new NodeId(2), 9), new CounterUpdateId(new HybridTime(5), 1, 1), -7, out var other);
        return new EventualTarget(
            "counter",
            "CounterValue.TryRead: read or refused; what is read is written and read as the same, and merges with itself to itself",
            [Bytes(one.Write), Bytes(one.Merge(other).Write), Bytes(one.Merge(other).Forget(new HybridTime(6)).Write)],
            static (input, again) =>
            {
                if (CounterValue.TryRead(input) is not { } counter)
                {
                    return null;
                }

                counter.Write(again);
                BrokenPromiseException.Unless(counter.Merge(counter).Total == counter.Total, "a counter merges with itself to itself");
                return counter.Remembered == 0 ? "settled" : "remembers";
            });
    }
}
