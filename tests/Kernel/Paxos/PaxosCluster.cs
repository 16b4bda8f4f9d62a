using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Xunit;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>
/// Nodes under a schedule drawn from one seed: messages are lost, doubled, late and overtaken, nodes crash in mid-round and lose what was
/// not durable, clocks are hours apart, what can be forgotten is forgotten at once, the membership changes; clients use compare-and-set
/// registers meanwhile.
/// </summary>
public sealed class PaxosCluster
{
    private readonly Prng _random;
    private readonly SortedDictionary<NodeId, PaxosTestNode> _nodes = [];
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly SortedDictionary<ulong, (NodeId Node, int Call, string Key, long Expected, long Value, bool IsWrite)> _operations = [];
    private readonly RegisterHistory[] _histories;
    private readonly long[] _lastSeen;
    private readonly int _lossPpm;
    private readonly int _doublePpm;
    private readonly bool _changesMembership;
    private readonly bool _changesInOneStep;
    private readonly bool _tellsFloors;
    private readonly int _disturbMillisecondsMax;
    private readonly int _judgingMicrosecondsMax;
    private PaxosMembership _membership;
    private PaxosMembership _leaving;
    private ulong _nextOperation = 1;
    private long _nextValue = 1;
    private long _order;
    private bool _isFaulty = true;

    internal PaxosCluster(
        ulong seed, Sabotage sabotage = Sabotage.None, bool isFaulty = true, bool holdsNothingBack = false, bool changesInOneStep = false)
    {
        _random = new Prng(seed);
        _isFaulty = isFaulty;
        _lossPpm = _random.Pick([0, 20_000, 150_000]);
        _doublePpm = _random.Pick([0, 50_000, 300_000]);
        var diskSpeedPpm = _random.Pick([700_000, 700_000, 100_000, 30_000]);
        _disturbMillisecondsMax = _random.Pick([40, 300]);
        _judgingMicrosecondsMax = _random.Pick([1000, 100_000]);
        if (sabotage is Sabotage.VotesBeforeDurable or Sabotage.AcknowledgesBeforeDurable)
        {
            // Where disks are slow and crashes frequent, it shows soon.
            (diskSpeedPpm, _disturbMillisecondsMax, _judgingMicrosecondsMax) = (30_000, 40, 100_000);
        }

        _changesMembership = isFaulty && sabotage == Sabotage.None && _random.Chance(400_000);
        _changesMembership |= changesInOneStep;
        _changesInOneStep = changesInOneStep;
        _tellsFloors = isFaulty && sabotage == Sabotage.None && !_changesMembership && _random.Chance(500_000);
        var count = _random.Pick([3, 3, 5]);
        var voters = Enumerable.Range(1, count).Select(i => new NodeId((uint)i)).ToArray();
        _membership = _leaving = PaxosMembership.Of(1, voters);
        _histories = [.. Enumerable.Range(0, _random.NextInt(1, 2)).Select(_ => new RegisterHistory())];
        _lastSeen = new long[_histories.Length];
        for (var i = 1; i <= count + (_changesMembership ? 2 : 0); i++)
        {
            var id = new NodeId((uint)i);
            var options = new PaxosOptions { Self = id, Lane = 0, Sabotage = sabotage, BackoffMax = Duration.FromMilliseconds(200) };
            var node = new PaxosTestNode(options, _membership, _random.Fork(), sabotage) { HoldsNothingBack = holdsNothingBack };
            var skew = Duration.FromSeconds(_random.NextInt(0, 10_000));
            node.DiskSpeedPpm = diskSpeedPpm;
            node.WallTime = () => Instant.Zero + skew + (Now - Instant.Zero);
            node.Send = (to, bytes) => Transmit(id, to, bytes);
            node.OnHint = (to, bytes) => At(Duration.FromMilliseconds(_random.NextInt(1, 3000)), () => Transmit(id, to, bytes));
            node.OnCoordinatorEffect = effect => OnEffect(node, effect);
            _nodes.Add(id, node);
        }
    }

    public Instant Now { get; private set; } = Instant.FromMilliseconds(20_000_000);

    public int Applied { get; private set; }

    public int StatesRemembered => _nodes.Values.Sum(node => node.StatesRemembered);

    /// <summary>Clients at work for so long, under faults; then a calm end in which everything must be readable.</summary>
    public void Run(Duration length, int operationsMax)
    {
        var clients = _random.NextInt(2, 5);
        for (var i = 0; i < clients; i++)
        {
            At(Duration.Zero, () => NextOperation(operationsMax));
        }

        if (_isFaulty)
        {
            At(Duration.FromMilliseconds(100), Disturb);
        }

        if (_changesMembership)
        {
            At(Duration.FromMilliseconds(_random.NextInt(50, 1500)), BeginChange);
        }

        At(Duration.Zero, EveryMillisecond);
        RunUntil(Now + length);
        _isFaulty = false;
        foreach (var node in _nodes.Values.Where(node => !node.IsUp))
        {
            node.Restart();
        }

        RunUntil(Now + Duration.FromSeconds(6));
        for (var i = 0; i < _histories.Length; i++)
        {
            var seen = FinalRead(i);
            Assert.True(seen.Outcome == PaxosOutcome.Done, $"a read at the end: {seen.Outcome}");
        }

        foreach (var history in _histories)
        {
            var contradiction = history.Contradiction();
            Assert.True(contradiction is null, contradiction);
        }
    }

    /// <summary>Repairs everything, and forgets.</summary>
    public void Settle()
    {
        foreach (var (_, node) in _nodes.Where(pair => _membership.Voters.Contains(pair.Key)))
        {
            foreach (var key in node.Partitions)
            {
                node.Coordinator.Begin(NewOperation(PaxosOperationKind.Repair, key), Now);
                node.Drain(node.Coordinator.Effects);
                RunUntil(Now + Duration.FromSeconds(1));
            }
        }

        foreach (var node in _nodes.Values)
        {
            node.Sweep();
        }

        RunUntil(Now + Duration.FromSeconds(1));
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

    private void EveryMillisecond()
    {
        foreach (var node in _nodes.Values.Where(node => node.IsUp))
        {
            node.Sync(everything: !_isFaulty);
            node.Tick(Now);
            if (_isFaulty && _random.Chance(20_000))
            {
                node.Sweep();
            }

            if (_tellsFloors && _random.Chance(30_000))
            {
                node.TellFloor();
            }

            if (_tellsFloors && _random.Chance(30_000))
            {
                // No exchange brings what is missing here, so the membership stays: else who was copied from would not have to have all.
                node.Close(_nodes.Values.Min(other => other.ToldFloor));
            }
        }

        At(Duration.FromMilliseconds(1), EveryMillisecond);
    }

    private void Transmit(NodeId from, NodeId to, byte[] bytes)
    {
        if (_isFaulty && from != to && _random.Chance(_lossPpm))
        {
            return;
        }

        var copies = _isFaulty && _random.Chance(_doublePpm) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var slow = _isFaulty && _random.Chance(50_000) ? _random.NextInt(0, 2000) : 0;
            At(Duration.FromMicroseconds(_random.NextInt(50, 3000)) + Duration.FromMilliseconds(slow), () =>
            {
                if (_nodes[to].IsUp)
                {
                    _nodes[to].Receive(from, bytes, Now);
                }
            });
        }
    }

    private void Disturb()
    {
        if (!_isFaulty)
        {
            return;
        }

        if (_random.Chance(300_000))
        {
            // One of them, or the whole room's power.
            var all = _nodes.Values.ToArray();
            foreach (var node in _random.Chance(300_000) ? all : [_random.Pick(all)])
            {
                Crash(node);
            }
        }

        At(Duration.FromMilliseconds(_random.NextInt(10, _disturbMillisecondsMax)), Disturb);
    }

    private void Crash(PaxosTestNode node)
    {
        if (!node.IsUp)
        {
            return;
        }

        node.Crash();
        foreach (var (number, _) in _operations.Where(pair => pair.Value.Node == node.Id).ToArray())
        {
            // Nobody will say how they ended.
            _operations.Remove(number);
        }

        At(Duration.FromMilliseconds(_random.NextInt(1, _random.Pick([3, 800]))), () =>
        {
            if (!node.IsUp)
            {
                node.Restart();
            }
        });
    }

    private PaxosOperation NewOperation(PaxosOperationKind kind, string key) => new()
    {
        Number = _nextOperation++,
        Kind = kind,
        Partition = Convert.FromHexString(key),
        Membership = _membership,
        CommitLevel = _random.Pick([ConsistencyLevel.Any, ConsistencyLevel.One, ConsistencyLevel.Quorum, ConsistencyLevel.All]),
        Deadline = Now + Duration.FromMilliseconds(_isFaulty ? _random.NextInt(100, 2000) : 3000),
    };

    private void NextOperation(int operationsMax)
    {
        var register = _random.NextInt(0, _histories.Length - 1);
        if (_histories[register].Count >= operationsMax)
        {
            return;
        }

        var node = _random.Pick(_nodes.Values.ToArray());
        if (node.IsUp)
        {
            var kind = _random.Pick([
                PaxosOperationKind.Read, PaxosOperationKind.CompareAndSet, PaxosOperationKind.CompareAndSet, PaxosOperationKind.Repair,
            ]);
            var operation = NewOperation(kind, KeyOf(register));
            if (kind != PaxosOperationKind.Repair)
            {
                var isWrite = kind == PaxosOperationKind.CompareAndSet;
                var expected = _lastSeen[register];
                var value = _nextValue++;
                var call = _histories[register].Invoke(isWrite ? expected : null, isWrite ? value : null);
                _operations.Add(operation.Number, (node.Id, call, KeyOf(register), expected, value, isWrite));
            }

            node.Coordinator.Begin(operation, Now);
            node.Drain(node.Coordinator.Effects);
        }

        At(Duration.FromMilliseconds(_random.NextInt(1, 60)), () => NextOperation(operationsMax));
    }

    private static string KeyOf(int register) => (register + 1).ToString("X2");

    private PaxosEffect FinalRead(int register)
    {
        var node = _nodes[_membership.Voters[0]];
        var result = default(PaxosEffect);
        var before = node.OnCoordinatorEffect;
        node.OnCoordinatorEffect = effect => result = effect.Kind == PaxosEffectKind.Completed ? effect : result;
        var call = _histories[register].Invoke(null, null);
        node.Coordinator.Begin(NewOperation(PaxosOperationKind.Read, KeyOf(register)), Now);
        node.Drain(node.Coordinator.Effects);
        RunUntil(Now + Duration.FromSeconds(4));
        node.OnCoordinatorEffect = before;
        if (result.Outcome == PaxosOutcome.Done)
        {
            _histories[register].Return(call, applied: false, RegisterData.ValueOf(result.Data));
        }

        return result;
    }

    private void OnEffect(PaxosTestNode node, in PaxosEffect effect)
    {
        var (number, data, ballot, outcome) = (effect.Operation, effect.Data, effect.Ballot, effect.Outcome);
        if (effect.Kind == PaxosEffectKind.NeedsMembership)
        {
            At(Duration.FromMilliseconds(_random.NextInt(1, 50)), () =>
            {
                node.Coordinator.SetMembership(number, _membership, Now);
                node.Drain(node.Coordinator.Effects);
            });
            return;
        }

        if (!_operations.TryGetValue(number, out var operation))
        {
            return;
        }

        var register = int.Parse(operation.Key) - 1;
        if (effect.Kind == PaxosEffectKind.Evaluate)
        {
            // Judging takes a while: the node may crash and the deadline may pass meanwhile.
            At(Duration.FromMicroseconds(_random.NextInt(0, _judgingMicrosecondsMax)), () =>
            {
                var current = RegisterData.ValueOf(data);
                _lastSeen[register] = current;
                if (current == operation.Expected)
                {
                    var update = RegisterData.Encode([(ballot.Time.Value, operation.Expected, operation.Value)]);
                    node.Coordinator.Propose(number, update, Now);
                }
                else
                {
                    node.Coordinator.Decline(number, Now);
                }

                node.Drain(node.Coordinator.Effects);
            });
            return;
        }

        _operations.Remove(number);
        switch (outcome)
        {
            case PaxosOutcome.Applied or PaxosOutcome.CommitTimedOut:
                _histories[register].Return(operation.Call, applied: true, operation.Expected);
                _lastSeen[register] = operation.Value;
                Applied++;
                break;
            case PaxosOutcome.Declined or PaxosOutcome.Done:
                _lastSeen[register] = RegisterData.ValueOf(data);
                _histories[register].Return(operation.Call, applied: false, _lastSeen[register]);
                break;
            case PaxosOutcome.TimedOut:
                _histories[register].Drop(operation.Call);
                break;
        }
    }

    /// <summary>A change of replicas: a joint version, the hand-over of a majority's state, the new version.</summary>
    private void BeginChange()
    {
        _leaving = _membership;
        var everyone = _nodes.Keys.ToArray();
        _random.Shuffle(everyone.AsSpan());
        var target = everyone.Take(_random.Pick([3, 5])).Order().ToArray();
        if (_changesInOneStep)
        {
            _membership = PaxosMembership.Of(_membership.Epoch + 1, target);
            Spread(_membership);
            return;
        }

        _membership = new PaxosMembership(_membership.Epoch + 1, [.. target], _membership.Voters, []);
        Spread(_membership);
        At(Duration.FromMilliseconds(20), HandOver);
    }

    private void Spread(PaxosMembership membership)
    {
        foreach (var node in _nodes.Values)
        {
            At(Duration.FromMilliseconds(_random.NextInt(0, 400)), () => InstallAt(node, membership));
        }
    }

    private void InstallAt(PaxosTestNode node, PaxosMembership membership)
    {
        if (node.IsUp)
        {
            var isNew = membership.OutgoingVoters.Length > 0 && !_leaving.Voters.Contains(node.Id);
            node.Install(membership, node.Acceptor.IsCatchingUp || isNew);
        }
        else
        {
            At(Duration.FromMilliseconds(50), () => InstallAt(node, membership));
        }
    }

    private void HandOver()
    {
        var joint = _membership;
        var sources = _nodes.Values.Where(node => node.IsUp && node.Acceptor.Membership.Epoch == joint.Epoch
            && joint.OutgoingVoters.Contains(node.Id)).ToArray();
        var targets = _nodes.Values.Where(node => joint.Voters.Contains(node.Id)).ToArray();
        if (sources.Length <= joint.OutgoingVoters.Length / 2
            || targets.Any(node => !node.IsUp || node.Acceptor.Membership.Epoch != joint.Epoch))
        {
            At(Duration.FromMilliseconds(20), HandOver);
            return;
        }

        foreach (var target in targets)
        {
            target.Absorb(sources);
        }

        _membership = PaxosMembership.Of(joint.Epoch + 1, joint.Voters);
        Spread(_membership);
    }
}
