using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Tests.Paxos;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>
/// Three replicas and a coordinator without one, under a schedule drawn from a seed: clients write and delete at all levels from all nodes,
/// messages are lost, doubled and very late, nodes stop, some for nearly all the time, clocks are hours apart. In the end everything that
/// was acknowledged must be there, and nothing that was deleted.
/// </summary>
public sealed class AntiEntropyCluster
{
    private readonly Prng _random;
    private readonly SortedDictionary<NodeId, AntiEntropyNode> _nodes = [];
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly SortedDictionary<(string, int), (ulong Timestamp, bool IsDelete)> _acknowledged = [];
    private readonly Dictionary<ulong, (string Key, int Name, ulong Timestamp, bool IsDelete)> _open = [];
    private readonly List<(string Key, int Name, ulong Timestamp)> _deletes = [];
    private readonly ImmutableArray<NodeId> _all;
    private ImmutableArray<NodeId> _members;
    private readonly int _lossPpm;
    private ReplicaSet _replicas;
    private long _order;
    private bool _isFaulty = true;

    public AntiEntropyCluster(ulong seed, AntiEntropyBug bug = AntiEntropyBug.None)
    {
        _random = new Prng(seed);
        _lossPpm = _random.Pick([0, 50_000, 200_000]);
        _all = [.. Enumerable.Range(1, 4).Select(i => new NodeId((uint)i))];
        _replicas = ReplicaSet.Of(1, _all.Take(3).Select(id => new Replica(id, "")));
        var options = new SyncOptions
        {
            TreeDepth = _random.Pick([0, 2, 5]),
            HashesPerMessage = _random.Pick([1, 3, 64]),
            PartitionsPerPage = _random.Pick([1, 3, 100]),
            Interval = Duration.FromMilliseconds(_random.Pick([20, 200])),
            RetryAfter = Duration.FromMilliseconds(20),
            ResendAfter = Duration.FromMilliseconds(40),
            GiveUpAfter = Duration.FromMilliseconds(400),
        };
        foreach (var id in _all)
        {
            var skew = Duration.FromSeconds(_random.NextInt(0, 10_000));
            var clock = new TestHybridClock(() => Now + skew);
            var node = new AntiEntropyNode(id, options, bug, clock, Transmit) { OnCompleted = OnCompleted };
            _nodes.Add(id, node);
            foreach (var peer in _all)
            {
                node.Hints.SetReachable(peer, true, Now);
            }
        }

        Place(_replicas, HybridTime.Zero);
    }

    public Instant Now { get; private set; } = Instant.FromMilliseconds(100_000);

    public int Added { get; private set; }

    public IEnumerable<AntiEntropyNode> Nodes => _nodes.Values;

    /// <summary>Faults for so long, while one node may be away nearly all the time; then a calm end, and the checks.</summary>
    public void Run(Duration length)
    {
        if (_random.Chance(500_000))
        {
            // Longer than any window there is.
            var away = _nodes[_random.Pick(_all)];
            At(length / 10, () => Stop(away, length));
        }

        if (_random.Chance(400_000))
        {
            At(Duration.FromMilliseconds(_random.NextInt(100, 3000)), BeginToAddReplica);
        }

        At(Duration.Zero, EveryMillisecond);
        At(Duration.Zero, Write);
        At(Duration.FromMilliseconds(20), Disturb);
        RunUntil(Now + length);
        Calm();
    }

    /// <summary>The end of all faults; everything must converge.</summary>
    public void Calm()
    {
        _isFaulty = false;
        foreach (var node in _nodes.Values)
        {
            SetUp(node, true);
        }

        RunUntil(Now + Duration.FromSeconds(12));
        CheckEverything();
    }

    /// <summary>
    /// A replica is away, and is taken from the replicas and put back meanwhile: it does not know that what it holds was purged.
    /// </summary>
    public void RunRemovalWhileAway()
    {
        _isFaulty = false;
        At(Duration.Zero, EveryMillisecond);
        for (var partition = 0; partition < 5; partition++)
        {
            WriteCell(_nodes[_all[3]], AntiEntropyNode.KeyOf(partition), 0, isDelete: false, ConsistencyLevel.All);
        }

        RunUntil(Now + Duration.FromMilliseconds(500));
        var away = _nodes[_all[2]];
        SetUp(away, false);
        Place(ReplicaSet.Of(2, _replicas.Members.Where(replica => replica.Node != away.Id)), HybridTime.Zero);
        for (var partition = 0; partition < 5; partition++)
        {
            WriteCell(_nodes[_all[0]], AntiEntropyNode.KeyOf(partition), 0, isDelete: true, ConsistencyLevel.All);
        }

        // Its floor holds the horizon back until the directory has removed the node itself.
        RunWithout(away.Id, Duration.FromSeconds(3));
        Assert.Equal(0, _nodes[_all[0]].TombstonesKept);
        Place(ReplicaSet.Of(3, _all.Take(3).Select(id => new Replica(id, ""))), HybridTime.Zero);
        SetUp(away, true);
        Calm();
        Assert.All(_nodes.Values.Where(node => node.Horizon is not null), node => Assert.Empty(node.Visible()));
    }

    public void SetUp(AntiEntropyNode node, bool isUp)
    {
        if (node.IsUp == isUp)
        {
            return;
        }

        if (isUp)
        {
            node.IsUp = true;
        }
        else
        {
            node.Crash();
        }

        foreach (var other in _nodes.Values)
        {
            other.Hints.SetReachable(node.Id, isUp, Now);
            other.Schedule.SetReachable(node.Id, isUp, Now);
        }
    }

    private void RunWithout(NodeId removed, Duration length)
    {
        _members = [.. _all.Where(id => id != removed)];
        RunUntil(Now + length);
        _members = _all;
    }

    private void Place(ReplicaSet replicas, HybridTime horizonOfOthers)
    {
        _members = _members.IsDefault ? _all : _members;
        _replicas = replicas;
        foreach (var replica in replicas.Members)
        {
            if (_nodes[replica.Node].IsUp || _nodes[replica.Node].Horizon is not null)
            {
                _nodes[replica.Node].Keep(replicas.Epoch, replicas.Members.Select(member => member.Node), horizonOfOthers, Now);
            }
        }
    }

    /// <summary>The fourth node becomes a replica: the others learn it first, then it starts at the highest of their horizons.</summary>
    private void BeginToAddReplica()
    {
        _replicas = new ReplicaSet(2, _replicas.Members, [new Replica(_all[3], "")]);
        foreach (var member in _replicas.Members)
        {
            At(Duration.FromMilliseconds(_random.NextInt(0, 300)), () => LearnOfReplica(_nodes[member.Node]));
        }

        At(Duration.FromMilliseconds(10), StartReplica);
    }

    private void LearnOfReplica(AntiEntropyNode node)
    {
        if (node.IsUp)
        {
            node.Keep(2, _all, HybridTime.Zero, Now);
        }
        else
        {
            At(Duration.FromMilliseconds(20), () => LearnOfReplica(node));
        }
    }

    private void StartReplica()
    {
        var members = _replicas.Members.Select(member => _nodes[member.Node]).ToArray();
        var added = _nodes[_all[3]];
        if (members.Any(member => member.Horizon!.Epoch != 2) || !added.IsUp)
        {
            At(Duration.FromMilliseconds(20), StartReplica);
            return;
        }

        added.Keep(2, _all, members.Max(member => member.Horizon!.Horizon), Now);
        Added++;
        At(Duration.FromMilliseconds(10), FinishAddingReplica);
    }

    private void FinishAddingReplica()
    {
        if (_nodes[_all[3]].Horizon!.IsJoining)
        {
            At(Duration.FromMilliseconds(20), FinishAddingReplica);
            return;
        }

        _replicas = ReplicaSet.Of(2, _all.Select(id => new Replica(id, "")));
    }

    private void At(Duration delay, Action action) => _events.Enqueue(action, (Now + delay, _order++));

    private void RunUntil(Instant end)
    {
        while (_events.TryPeek(out var action, out var at) && at.Item1 <= end)
        {
            _events.Dequeue();
            Now = at.Item1;
            action();
        }

        Now = end;
    }

    private void Transmit(NodeId from, NodeId to, object message)
    {
        if (from == to)
        {
            At(Duration.Zero, () => Deliver(from, to, message));
            return;
        }

        if (_isFaulty && _random.Chance(_lossPpm))
        {
            return;
        }

        for (var copies = _isFaulty && _random.Chance(100_000) ? 2 : 1; copies > 0; copies--)
        {
            // Some are very late: late enough to find tombstones gone.
            var late = _isFaulty && _random.Chance(30_000) ? _random.NextInt(0, 3000) : 0;
            At(Duration.FromMicroseconds(_random.NextInt(50, 2000)) + Duration.FromMilliseconds(late), () => Deliver(from, to, message));
        }
    }

    private void Deliver(NodeId from, NodeId to, object message)
    {
        if (_nodes[to].IsUp)
        {
            _nodes[to].Receive(from, message, Now);
        }
    }

    private void EveryMillisecond()
    {
        foreach (var node in _nodes.Values.Where(node => node.IsUp))
        {
            if (_random.Chance(200_000))
            {
                node.Tick(_members, [.. _replicas.Everyone.Select(replica => replica.Node).Where(id => id != node.Id)], Now);
            }

            if (_random.Chance(20_000))
            {
                node.Purge(Now);
            }
        }

        At(Duration.FromMilliseconds(5), EveryMillisecond);
    }

    private void Disturb()
    {
        if (!_isFaulty)
        {
            return;
        }

        var node = _nodes[_random.Pick(_all)];
        if (node.IsUp && _random.Chance(400_000))
        {
            Stop(node, Duration.FromMilliseconds(_random.NextInt(1, 600)));
        }

        At(Duration.FromMilliseconds(_random.NextInt(20, 300)), Disturb);
    }

    private void Stop(AntiEntropyNode node, Duration length)
    {
        SetUp(node, false);
        At(length, () => SetUp(node, true));
    }

    private void Write()
    {
        if (!_isFaulty)
        {
            return;
        }

        var node = _nodes[_random.Pick(_all)];
        if (node.IsUp)
        {
            WriteCell(
                node,
                AntiEntropyNode.KeyOf(_random.NextInt(0, 11)),
                _random.NextInt(0, 1),
                _random.Chance(500_000),
                _random.Pick([ConsistencyLevel.Any, ConsistencyLevel.One, ConsistencyLevel.Quorum, ConsistencyLevel.All]));
        }

        At(Duration.FromMilliseconds(_random.NextInt(1, 60)), Write);
    }

    private void WriteCell(AntiEntropyNode node, string key, int name, bool isDelete, ConsistencyLevel level)
    {
        // What is completed at once is completed before its number is known.
        EventualEffect? atOnce = null;
        node.OnCompleted = (_, effect) => atOnce = effect;
        var ahead = Duration.FromMilliseconds(isDelete && _random.Chance(200_000) ? _random.NextInt(1, 2000) : 0);
        var timestamp = node.Write(key, name, isDelete, ahead, level, _replicas, id => _nodes[id].IsUp, Now);
        node.OnCompleted = OnCompleted;
        _open[node.LastWrite] = (key, name, timestamp, isDelete);
        if (isDelete)
        {
            _deletes.Add((key, name, timestamp));
        }

        if (atOnce is { } effect)
        {
            OnCompleted(node.LastWrite, effect);
        }
    }

    private void OnCompleted(ulong number, EventualEffect effect)
    {
        if (_open.Remove(number, out var write) && effect.Outcome == EventualOutcome.Done)
        {
            var cell = (write.Key, write.Name);
            if (!_acknowledged.TryGetValue(cell, out var known) || known.Timestamp < write.Timestamp)
            {
                _acknowledged[cell] = (write.Timestamp, write.IsDelete);
            }
        }
    }

    private void CheckEverything()
    {
        var replicas = _nodes.Values.Where(node => node.Horizon is not null).ToArray();
        var first = replicas[0].Visible();
        foreach (var replica in replicas)
        {
            Assert.True(first.SequenceEqual(replica.Visible()), $"replicas 1 and {replica.Id} differ");
        }

        foreach (var (cell, (timestamp, isDelete)) in _acknowledged)
        {
            var seen = first.GetValueOrDefault(cell);
            Assert.False(seen != 0 && seen < timestamp, $"{cell}: {seen} returned after {timestamp} was acknowledged");

            // When it is not there, something later deleted it, acknowledged or not.
            Assert.True(isDelete || seen >= timestamp || WasDeletedLater(cell, timestamp), $"{cell}: {timestamp} is lost");
        }

        Assert.All(replicas, replica => Assert.Equal(0, replica.TombstonesKept));
    }

    // Two nodes may give the same time; then the tombstone wins.
    private bool WasDeletedLater((string Key, int Name) cell, ulong timestamp) =>
        _deletes.Any(delete => (delete.Key, delete.Name) == cell && delete.Timestamp >= timestamp);
}
