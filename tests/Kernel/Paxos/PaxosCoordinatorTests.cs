using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Xunit;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>What a coordinator does when all goes well, and how coordinators share a partition that they all want.</summary>
public sealed class PaxosCoordinatorTests
{
    private static readonly byte[] Partition = [1];
    private static readonly PaxosMembership Three = PaxosMembership.Of(1, new(1), new(2), new(3));

    [Fact]
    public void A_read_that_nobody_disturbs_takes_one_round_and_writes_nothing()
    {
        var net = new Network(3);
        net.Begin(1, PaxosOperationKind.CompareAndSet, 100);
        net.Settle();
        net.Messages.Clear();
        net.Begin(2, PaxosOperationKind.Read, 101);
        net.Settle();
        Assert.Equal(PaxosOutcome.Done, net.Completed[101].Outcome);
        Assert.Equal(100, RegisterData.ValueOf(net.Completed[101].Data));
        Assert.All(net.Messages, kind => Assert.True(kind is PaxosMessageKind.Inspect or PaxosMessageKind.Inspected));
    }

    [Fact]
    public void A_conditional_write_takes_three_rounds_and_ends_settled()
    {
        var net = new Network(3);
        net.Begin(1, PaxosOperationKind.CompareAndSet, 100);
        net.Settle();
        Assert.Equal(PaxosOutcome.Applied, net.Completed[100].Outcome);
        Assert.Equal(
            [
                PaxosMessageKind.Prepare, PaxosMessageKind.Promise, PaxosMessageKind.Propose, PaxosMessageKind.Accepted,
                PaxosMessageKind.Commit, PaxosMessageKind.Committed, PaxosMessageKind.Settled,
            ],
            net.Messages.Distinct());
        Assert.Equal(21, net.Messages.Count);
    }

    [Fact]
    public void A_write_that_finds_another_one_in_progress_finishes_it_first()
    {
        var net = new Network(3);
        net.Begin(1, PaxosOperationKind.CompareAndSet, 100);

        // Its coordinator dies when one replica has accepted.
        net.Deliver((from, to, message) => message.Kind != PaxosMessageKind.Propose || to == new NodeId(2));
        net.Kill(new NodeId(1));
        net.Begin(3, PaxosOperationKind.CompareAndSet, 200, expected: 100);
        net.Settle();
        Assert.Equal(PaxosOutcome.Applied, net.Completed[200].Outcome);
    }

    [Fact]
    public void Without_a_majority_nothing_happens_and_that_is_certain()
    {
        var net = new Network(3);
        net.Kill(new NodeId(2));
        net.Kill(new NodeId(3));
        net.Begin(1, PaxosOperationKind.CompareAndSet, 100);
        net.Settle();
        Assert.Equal(PaxosOutcome.TimedOut, net.Completed[100].Outcome);
        Assert.Equal((1, 2), (net.Completed[100].Received, net.Completed[100].Required));
    }

    [Fact]
    public void Coordinators_that_want_the_same_partition_all_the_time_each_get_their_share()
    {
        var net = new Network(5);
        var won = new int[6];
        var next = 1000UL;
        net.OnCompleted = (node, effect) =>
        {
            won[node.Value] += effect.Outcome == PaxosOutcome.Declined ? 1 : 0;
            if (net.Now < Instant.FromMilliseconds(21_000))
            {
                net.Begin((int)node.Value, PaxosOperationKind.CompareAndSet, next++, expected: -1);
            }
        };
        for (var node = 1; node <= 5; node++)
        {
            net.Begin(node, PaxosOperationKind.CompareAndSet, next++, expected: -1);
        }

        net.Settle();
        var wins = won.Skip(1).ToArray();
        Assert.True(wins.Min() * 4 > wins.Max(), string.Join(", ", wins));
        Assert.True(wins.Sum() > 200, string.Join(", ", wins));
    }

    /// <summary>Nodes with a millisecond or two between them, and no faults but those asked for.</summary>
    private sealed class Network
    {
        private readonly Prng _random = new(11);
        private readonly Dictionary<NodeId, PaxosTestNode> _nodes = [];
        private readonly PriorityQueue<(NodeId From, NodeId To, byte[] Bytes), (Instant, long)> _messages = new();
        private readonly Dictionary<ulong, long> _expected = [];
        private readonly HashSet<NodeId> _dead = [];
        private readonly PaxosMembership _membership;
        private long _order;

        public Network(int count)
        {
            _membership = count == 3 ? Three : PaxosMembership.Of(1, Enumerable.Range(1, count).Select(i => new NodeId((uint)i)));
            foreach (var id in _membership.Voters)
            {
                var node = new PaxosTestNode(new PaxosOptions { Self = id, Lane = 0 }, _membership, _random.Fork(), Sabotage.None)
                {
                    WallTime = () => Now,
                    Send = (to, bytes) => _messages.Enqueue(
                        (id, to, bytes), (Now + Duration.FromMicroseconds(_random.NextInt(200, 1500)), _order++)),
                };
                node.OnCoordinatorEffect = effect => OnEffect(node, effect);
                _nodes.Add(id, node);
            }
        }

        public Instant Now { get; private set; } = Instant.FromMilliseconds(1000);

        public List<PaxosMessageKind> Messages { get; } = [];

        public Dictionary<ulong, PaxosEffect> Completed { get; } = [];

        public Action<NodeId, PaxosEffect> OnCompleted { get; set; } = (_, _) => { };

        public void Kill(NodeId node) => _dead.Add(node);

        public void Begin(int node, PaxosOperationKind kind, ulong number, long expected = 0)
        {
            _expected[number] = expected;
            var coordinator = _nodes[new NodeId((uint)node)].Coordinator;
            Assert.True(coordinator.Begin(
                new PaxosOperation
                {
                    Number = number, Kind = kind, Partition = Partition, Membership = _membership, CommitLevel = ConsistencyLevel.Quorum,
                    Deadline = Now + Duration.FromSeconds(10),
                },
                Now));
            _started.Add(_nodes[new NodeId((uint)node)]);
        }

        private readonly List<PaxosTestNode> _started = [];

        public void Settle()
        {
            var end = Now + Duration.FromSeconds(25);
            while (Now < end)
            {
                Now += Duration.FromMicroseconds(250);
                Deliver((_, _, _) => true, once: true);
            }
        }

        /// <summary>Until nothing moves any more; what the filter refuses is lost.</summary>
        public void Deliver(Func<NodeId, NodeId, PaxosMessage, bool> filter, bool once = false)
        {
            for (var i = 0; i < (once ? 1 : 100); i++)
            {
                Now += once ? Duration.Zero : Duration.FromMilliseconds(1);
                foreach (var node in _started.ToArray())
                {
                    node.Drain(node.Coordinator.Effects);
                }

                _started.Clear();
                while (_messages.TryPeek(out _, out var at) && at.Item1 <= Now)
                {
                    var (from, to, bytes) = _messages.Dequeue();
                    Assert.True(PaxosMessageCodec.TryRead(bytes, out var message));
                    if (filter(from, to, message) && !_dead.Contains(from) && !_dead.Contains(to))
                    {
                        Messages.Add(message.Kind);
                        _nodes[to].Receive(from, bytes, Now);
                    }
                }

                foreach (var node in _nodes.Values)
                {
                    node.Sync(everything: true);
                    node.Tick(Now);
                }
            }
        }

        private void OnEffect(PaxosTestNode node, in PaxosEffect effect)
        {
            if (effect.Kind == PaxosEffectKind.Evaluate)
            {
                var expected = _expected[effect.Operation];
                if (RegisterData.ValueOf(effect.Data) == expected)
                {
                    node.Coordinator.Propose(
                        effect.Operation,
                        RegisterData.Encode([(effect.Ballot.Time.Value, expected, (long)effect.Operation)]),
                        Now);
                }
                else
                {
                    node.Coordinator.Decline(effect.Operation, Now);
                }
            }
            else if (effect.Kind == PaxosEffectKind.Completed)
            {
                Completed[effect.Operation] = effect;
                OnCompleted(node.Id, effect);
            }
        }
    }
}
