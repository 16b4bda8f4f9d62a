using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>Reads and writes of one coordinator against replicas that answer when the test says so.</summary>
public sealed class ReadWriteTests
{
    private static readonly EventualOptions Options = new() { Self = new NodeId(1), Region = "eu" };
    private static readonly ReplicaSet Three = ReplicaSet.Of(1, new(new(1), "eu"), new(new(2), "eu"), new(new(3), "eu"));
    private static readonly Instant Start = Instant.FromMilliseconds(1000);

    private readonly WriteCoordinator _writes = new(Options);
    private readonly ReadCoordinator _reads = new(Options, new SetData(), new PeerLatencies(Options));

    [Fact]
    public void A_write_goes_to_all_and_is_done_when_its_level_is_reached()
    {
        BeginWrite(ConsistencyLevel.Quorum, _ => true);
        Assert.Equal([1u, 2u, 3u], Sent(_writes.Effects).Select(sent => sent.Peer.Value));
        Answer(2, EventualMessageKind.Written);
        Answer(2, EventualMessageKind.Written);
        Assert.Empty(Completions(_writes.Effects));
        Answer(3, EventualMessageKind.Written);
        var done = Assert.Single(Completions(_writes.Effects));
        Assert.Equal((EventualOutcome.Done, 2, 2), (done.Outcome, done.Received, done.Required));
        Assert.Equal(1, _writes.Operations);

        // The third one gets a hint when it stays silent, though the client has its answer.
        _writes.Effects.Clear();
        _writes.Tick(Start + Duration.FromSeconds(2));
        Assert.Equal(new NodeId(1), Assert.Single(Hints()).Peer);
        Assert.Equal(0, _writes.Operations);
    }

    [Fact]
    public void A_write_without_enough_replicas_is_unavailable_and_is_not_sent()
    {
        BeginWrite(ConsistencyLevel.Quorum, node => node == new NodeId(1));
        var end = Assert.Single(Completions(_writes.Effects));
        Assert.Equal((EventualOutcome.Unavailable, 1, 2), (end.Outcome, end.Received, end.Required));
        Assert.Empty(Sent(_writes.Effects));
    }

    [Fact]
    public void A_write_at_ANY_is_done_by_a_durable_hint_alone()
    {
        BeginWrite(ConsistencyLevel.Any, _ => false);
        Assert.Equal(3, Hints().Count);
        Assert.All(Hints(), hint => Assert.True(hint.ReportsHint));
        Assert.Empty(Completions(_writes.Effects));
        _writes.HintStored(7);
        Assert.Equal(EventualOutcome.Done, Assert.Single(Completions(_writes.Effects)).Outcome);
    }

    [Fact]
    public void A_write_that_times_out_says_how_many_have_it_and_what_it_was()
    {
        BeginWrite(ConsistencyLevel.All, _ => true);
        Answer(1, EventualMessageKind.Written);
        _writes.Tick(Start + Duration.FromSeconds(2));
        var end = Assert.Single(Completions(_writes.Effects));
        Assert.Equal(
            (EventualOutcome.TimedOut, 1, 3, WriteKind.UnloggedBatch), (end.Outcome, end.Received, end.Required, end.Write));
        Assert.Equal(2, Hints().Count);
    }

    [Fact]
    public void A_write_that_too_many_refuse_has_failed()
    {
        BeginWrite(ConsistencyLevel.Quorum, _ => true);
        Answer(1, EventualMessageKind.WriteRefused);
        Answer(2, EventualMessageKind.WriteRefused);
        var end = Assert.Single(Completions(_writes.Effects));
        Assert.Equal((EventualOutcome.Failed, 2), (end.Outcome, end.Failures));
    }

    [Fact]
    public void A_read_asks_one_for_data_and_one_for_a_digest()
    {
        BeginRead(ConsistencyLevel.Quorum);
        Assert.Equal(
            [(1u, EventualMessageKind.Read), (2u, EventualMessageKind.ReadDigest)],
            Sent(_reads.Effects).Select(sent => (sent.Peer.Value, sent.Message.Kind)));
        AnswerData(1, SetData.One(1, 5, 50));
        AnswerDigest(2, SetData.One(1, 5, 50));
        var end = Assert.Single(Completions(_reads.Effects));
        Assert.Equal(EventualOutcome.Done, end.Outcome);
        Assert.Equal(50, SetData.Decode(end.Data)[1].Value);
    }

    [Fact]
    public void A_read_that_finds_a_difference_repairs_it_before_it_answers()
    {
        BeginRead(ConsistencyLevel.Quorum);
        AnswerData(1, SetData.One(1, 5, 50));
        AnswerDigest(2, SetData.One(1, 6, 60));
        Assert.Equal((2u, EventualMessageKind.Read), Sent(_reads.Effects).Select(sent => (sent.Peer.Value, sent.Message.Kind)).Last());
        AnswerData(2, SetData.One(1, 6, 60));
        Assert.Empty(Completions(_reads.Effects));
        var repair = Sent(_reads.Effects).Last();
        Assert.Equal((1u, EventualMessageKind.Repair), (repair.Peer.Value, repair.Message.Kind));
        Assert.Equal(60, SetData.Decode(repair.Message.Payload)[1].Value);
        _reads.Step(new NodeId(1), Reply(EventualMessageKind.Written), Start);
        Assert.Equal(60, SetData.Decode(Assert.Single(Completions(_reads.Effects)).Data)[1].Value);
    }

    [Fact]
    public void A_repair_that_is_not_confirmed_goes_to_another_replica()
    {
        BeginRead(ConsistencyLevel.Quorum);
        AnswerData(1, SetData.One(1, 5, 50));
        AnswerDigest(2, SetData.One(1, 6, 60));
        AnswerData(2, SetData.One(1, 6, 60));
        _reads.Tick(Start + Duration.FromMilliseconds(200));
        Assert.Equal((3u, EventualMessageKind.Repair), Sent(_reads.Effects).Select(sent => (sent.Peer.Value, sent.Message.Kind)).Last());
        _reads.Step(new NodeId(3), Reply(EventualMessageKind.Written), Start);
        Assert.Equal(EventualOutcome.Done, Assert.Single(Completions(_reads.Effects)).Outcome);
    }

    [Fact]
    public void A_slow_replica_is_hedged_and_then_asked_last()
    {
        BeginRead(ConsistencyLevel.Quorum);
        AnswerData(1, SetData.One(1, 5, 50));
        _reads.Tick(Start + Duration.FromMilliseconds(60));
        var hedge = Sent(_reads.Effects).Last();
        Assert.Equal((3u, EventualMessageKind.ReadDigest), (hedge.Peer.Value, hedge.Message.Kind));
        AnswerDigest(3, SetData.One(1, 5, 50));
        Assert.Equal(EventualOutcome.Done, Assert.Single(Completions(_reads.Effects)).Outcome);
        _reads.Effects.Clear();
        BeginRead(ConsistencyLevel.Quorum, 8);
        Assert.DoesNotContain(new NodeId(2), Sent(_reads.Effects).Select(sent => sent.Peer));
    }

    [Fact]
    public void A_read_that_times_out_says_whether_data_came()
    {
        BeginRead(ConsistencyLevel.All);
        AnswerDigest(2, SetData.One(1, 5, 50));
        _reads.Tick(Start + Duration.FromSeconds(2));
        var end = Assert.Single(Completions(_reads.Effects));
        Assert.Equal((EventualOutcome.TimedOut, 1, 3, false), (end.Outcome, end.Received, end.Required, end.IsDataPresent));
    }

    [Fact]
    public void Messages_are_read_back_and_damaged_ones_never_throw()
    {
        var random = new Prng(4);
        foreach (var kind in Enum.GetValues<EventualMessageKind>())
        {
            var message = new EventualMessage
            {
                Kind = kind, Operation = 300, Epoch = 2, Payload = new byte[] { 1, 2 }, VersionDigest = UInt128.MaxValue - 5,
                Reason = RefusalReason.DiskFailed, Stamp = new HybridTime(77),
            };
            var bytes = Bytes(message);
            Assert.True(EventualMessageCodec.TryRead(bytes, out var read));
            Assert.Equal(bytes, Bytes(read));
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.False(EventualMessageCodec.TryRead(bytes.AsMemory(0, length), out _));
            }

            for (var i = 0; i < 500; i++)
            {
                var damaged = (byte[])bytes.Clone();
                damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)random.NextInt(1, 255);
                EventualMessageCodec.TryRead(damaged, out _);
            }
        }
    }

    [Fact]
    public void Quorum_reads_never_go_back_in_time_and_miss_no_acknowledged_write()
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            var random = new Prng(seed);
            var replicas = new Dictionary<NodeId, byte[]> { [new(1)] = [], [new(2)] = [], [new(3)] = [] };
            var acknowledged = 0UL;
            var lastSeen = 0UL;
            for (var step = 1UL; step <= 60; step++)
            {
                var before = acknowledged;
                var isWrite = random.Chance(400_000);
                if (isWrite)
                {
                    BeginWrite(ConsistencyLevel.Quorum, _ => true, step, SetData.One(1, step, (long)step));
                }
                else
                {
                    BeginRead(ConsistencyLevel.Quorum, step);
                }

                var effects = isWrite ? _writes.Effects : _reads.Effects;
                for (var i = 0; i < effects.Count; i++)
                {
                    var effect = effects[i];
                    if (effect.Kind == EventualEffectKind.Completed && effect.Outcome == EventualOutcome.Done)
                    {
                        acknowledged = isWrite ? step : acknowledged;
                        if (!isWrite)
                        {
                            var seen = SetData.Decode(effect.Data).GetValueOrDefault(1).Timestamp;
                            Assert.True(seen >= before && seen >= lastSeen, $"seed {seed}: {seen} after {before} and {lastSeen}");
                            lastSeen = seen;
                        }
                    }

                    if (effect.Kind == EventualEffectKind.Send && random.Chance(700_000))
                    {
                        var message = effects.MessageOf(effect);
                        var held = replicas[effect.Peer];
                        var reply = message.Answer(EventualMessageKind.Written);
                        switch (message.Kind)
                        {
                            case EventualMessageKind.Write or EventualMessageKind.Repair:
                                replicas[effect.Peer] = SetData.Union(held, message.Payload);
                                break;
                            case EventualMessageKind.Read:
                                reply = message.Answer(EventualMessageKind.ReadData) with { Payload = held };
                                break;
                            default:
                                reply = message.Answer(EventualMessageKind.Digest) with { VersionDigest = new SetData().DigestOf(held) };
                                break;
                        }

                        if (random.Chance(900_000))
                        {
                            _writes.Step(effect.Peer, reply, Start);
                            _reads.Step(effect.Peer, reply, Start);
                        }
                    }

                    if (i == effects.Count - 1 && random.Chance(500_000))
                    {
                        _reads.Tick(Start + Duration.FromMilliseconds(100));
                    }
                }

                _reads.Tick(Start + Duration.FromSeconds(3));
                _writes.Tick(Start + Duration.FromSeconds(3));
                _reads.Effects.Clear();
                _writes.Effects.Clear();
            }
        }
    }

    private static byte[] Bytes(in EventualMessage message)
    {
        var writer = new WireWriter();
        EventualMessageCodec.Write(writer, message);
        return writer.ToArray();
    }

    private static List<(NodeId Peer, EventualMessage Message)> Sent(EventualEffects effects) =>
    [
        .. All(effects).Where(effect => effect.Kind == EventualEffectKind.Send).Select(effect => (effect.Peer, effects.MessageOf(effect))),
    ];

    private static List<EventualEffect> Completions(EventualEffects effects) =>
        [.. All(effects).Where(effect => effect.Kind == EventualEffectKind.Completed)];

    private static IEnumerable<EventualEffect> All(EventualEffects effects)
    {
        for (var i = 0; i < effects.Count; i++)
        {
            yield return effects[i];
        }
    }

    private static EventualMessage Reply(EventualMessageKind kind) =>
        new() { Kind = kind, Operation = 7, Epoch = 1, Reason = RefusalReason.Overloaded };

    private List<EventualEffect> Hints() => [.. All(_writes.Effects).Where(effect => effect.Kind == EventualEffectKind.StoreHint)];

    private void BeginWrite(ConsistencyLevel level, Func<NodeId, bool> isAlive, ulong number = 7, byte[]? mutation = null) =>
        Assert.True(_writes.Begin(
            new WriteOperation
            {
                Number = number, Level = level, Replicas = Three, Mutation = mutation ?? [1], Stamp = new HybridTime(number),
                Kind = WriteKind.UnloggedBatch, Deadline = Start + Duration.FromSeconds(2),
            },
            isAlive,
            Start));

    private void BeginRead(ConsistencyLevel level, ulong number = 7) => Assert.True(_reads.Begin(
        new ReadOperation
        {
            Number = number, Level = level, Replicas = Three, Query = new byte[] { 9 }, Deadline = Start + Duration.FromSeconds(2),
        },
        _ => true,
        Start));

    private void Answer(uint node, EventualMessageKind kind) => _writes.Step(new NodeId(node), Reply(kind), Start);

    private void AnswerData(uint node, byte[] version) =>
        _reads.Step(new NodeId(node), Reply(EventualMessageKind.ReadData) with { Payload = version }, Start);

    private void AnswerDigest(uint node, byte[] version) => _reads.Step(
        new NodeId(node), Reply(EventualMessageKind.Digest) with { VersionDigest = new SetData().DigestOf(version) }, Start);
}
