using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Campaigns;

/// <summary>
/// Lets things go wrong as a sheet says, and mends them again after a while. What destroys data for good only happens to expendable nodes,
/// which are fewer than half of any replica set; everything else may happen to everybody at once.
/// </summary>
internal sealed class FaultInjector
{
    private const int NodesMax = 8;

    private readonly SimCluster _cluster;
    private readonly FaultShape _shape;
    private readonly Prng _prng;
    private readonly Prng _moves;
    private readonly SimClient _operator;
    private readonly Dictionary<NodeId, int> _downs = [];
    private readonly HashSet<NodeId> _away = [];
    private bool _isOver;

    public FaultInjector(SimCluster cluster, FaultShape shape, Prng prng)
    {
        _cluster = cluster;
        _shape = shape;
        _prng = prng;
        _moves = new Prng(shape.LeaderlessMoveSeed);
        _operator = cluster.NewClient();
    }

    public void Start()
    {
        SetRates();
        PartClocks();
        SendAway();
        Every(_shape.CrashEvery, Crash);
        Every(_shape.PowerLossEverywhereEvery, LosePowerEverywhere);
        Every(_shape.PauseEvery, Pause);
        Every(_shape.OneWayCutEvery, CutOneWay);
        Every(_shape.PartitionEvery, Partition);
        Every(_shape.SlowLinkEvery, SlowLink);
        Every(_shape.WallJumpEvery, JumpWall);
        Every(_shape.DriftEvery, Drift);
        Every(_shape.DiskStallEvery, StallDisk);
        Every(_shape.DiskFullEvery, FillDisk);
        Every(_shape.OperatorEvery, Operate);
        Every(_shape.JoinEvery, Join);
        Every(_shape.RotEvery, Rot);
        if (_shape.LeaderlessMoveEvery > Duration.Zero)
        {
            MoveLeaderlessLater();
        }

        Every(Duration.FromSeconds(4), RebootFaulted);
    }

    /// <summary>
    /// Nothing goes wrong any more: links carry, machines run, disks are sound and have room. Only expendable nodes may stay as they are.
    /// </summary>
    public void EndAndMend()
    {
        _isOver = true;
        _cluster.Say(NodeId.None, "from now on nothing goes wrong any more");
        _cluster.Network.HealAll();
        _cluster.Mended();
        SetRates();
        foreach (var node in _cluster.Nodes)
        {
            foreach (var disk in node.Disks)
            {
                disk.Faults.CapacityBytes = DiskFaults.Boundless;
            }

            if (!node.IsRunning)
            {
                node.Start();
            }
            else if (node.NeedsReboot)
            {
                node.LosePower();
                node.Start();
            }
        }
    }

    // From a loop's view faults come at random; on average once in the mean time.
    private void Every(Duration mean, Action act)
    {
        if (mean > Duration.Zero)
        {
            Again();
        }

        void Again() => _cluster.Scheduler.Schedule(_prng.NextDuration(Duration.Zero, mean * 2), () =>
        {
            if (!_isOver)
            {
                act();
                Again();
            }
        });
    }

    private void After(Duration most, Action act) => _cluster.Scheduler.Schedule(
        _prng.NextDuration(Duration.FromMilliseconds(50), Duration.FromMilliseconds(Math.Max(51, most.Milliseconds))),
        () =>
        {
            if (!_isOver)
            {
                act();
            }
        });

    private SimNode AnyNode() => _prng.Pick(_cluster.Nodes);

    private void SetRates()
    {
        var network = _cluster.Network.Faults;
        network.LossPartsPerMillion = Rate(_shape.LossPartsPerMillion);
        network.DuplicatePartsPerMillion = Rate(_shape.DuplicatePartsPerMillion);
        network.ReorderPartsPerMillion = Rate(_shape.ReorderPartsPerMillion);
        network.TailPartsPerMillion = Rate(_shape.TailPartsPerMillion);
        network.TailLatencyMax = _shape.TailLatencyMax;
        network.ResetPartsPerMillion = Rate(_shape.ResetPartsPerMillion);
        network.RefusePartsPerMillion = Rate(_shape.RefusePartsPerMillion);
        _cluster.ClientNetwork.LossPartsPerMillion = Rate(_shape.LossPartsPerMillion);
        foreach (var node in _cluster.Nodes)
        {
            SetDiskRates(node);
        }
    }

    private void SetDiskRates(SimNode node)
    {
        foreach (var disk in node.Disks)
        {
            disk.Faults.SlowPartsPerMillion = Rate(_shape.SlowDiskPartsPerMillion);
            if (node.IsExpendable)
            {
                disk.Faults.ReadFailsPartsPerMillion = Rate(_shape.ReadFailsPartsPerMillion);
                disk.Faults.WriteFailsPartsPerMillion = Rate(_shape.WriteFailsPartsPerMillion);
                disk.Faults.SyncFailsPartsPerMillion = Rate(_shape.SyncFailsPartsPerMillion);
                disk.Faults.FlipOnReadPartsPerMillion = Rate(_shape.FlipOnReadPartsPerMillion);
                disk.Faults.MisdirectPartsPerMillion = Rate(_shape.MisdirectPartsPerMillion);
            }
        }
    }

    private int Rate(int partsPerMillion) => _isOver ? 0 : partsPerMillion;

    private void Crash()
    {
        var node = AnyNode();
        if (node.IsRunning)
        {
            End(node, node.NeedsReboot || _prng.Chance(_shape.PowerLossPartsPerMillion));
            After(_shape.DownMax, () => StartAgain(node));
        }
    }

    private void End(SimNode node, bool powerLoss)
    {
        _downs[node.Id] = _downs.GetValueOrDefault(node.Id) + 1;
        if (powerLoss)
        {
            node.LosePower();
        }
        else
        {
            node.Stop();
        }
    }

    private void StartAgain(SimNode node)
    {
        if (!node.IsRunning && !_away.Contains(node.Id))
        {
            node.Start();
        }
    }

    private void LosePowerEverywhere()
    {
        _cluster.Ledger.Count(FaultKind.PowerLostEverywhere);
        foreach (var node in _cluster.Nodes)
        {
            if (node.IsRunning)
            {
                node.LosePower();
                After(_shape.DownMax, () => StartAgain(node));
            }
        }
    }

    private void Pause()
    {
        var node = AnyNode();
        if (node.IsRunning)
        {
            node.Pause(_prng.NextDuration(Duration.FromMilliseconds(50), _shape.PauseMax));
        }
    }

    private void CutOneWay()
    {
        var (from, to) = (AnyNode(), AnyNode());
        if (from != to)
        {
            _cluster.CutOneWay((int)from.Id.Value, (int)to.Id.Value);
            After(_shape.CutMax, () => _cluster.Network.Heal(from.Id, to.Id));
        }
    }

    private void Partition()
    {
        var nodes = _cluster.Nodes.ToArray();
        _prng.Shuffle<SimNode>(nodes);
        var group = nodes.Take(_prng.NextInt(1, Math.Max(1, nodes.Length - 1))).Select(node => (int)node.Id.Value).ToArray();
        if (group.Length < nodes.Length)
        {
            _cluster.Isolate(group);
            After(_shape.CutMax, _cluster.Heal);
        }
    }

    private void SlowLink()
    {
        var (from, to) = (AnyNode().Id, AnyNode().Id);
        _cluster.Network.SlowDown(from, to, _prng.NextDuration(Duration.FromMilliseconds(5), Duration.FromMilliseconds(800)));
        After(_shape.CutMax, () => _cluster.Network.SlowDown(from, to, Duration.Zero));
    }

    private void JumpWall() => SetWall(AnyNode(), _shape.WallJumpMax);

    private void SetWall(SimNode node, Duration most)
    {
        var by = _prng.NextDuration(Duration.Zero - most, most);
        _cluster.Say(node.Id, $"has its wall clock set by {by}");
        _cluster.Ledger.Count(FaultKind.WallClockJumped);
        node.Clock.JumpWall(by);
    }

    private void PartClocks()
    {
        foreach (var node in _cluster.Nodes.Where(_ => _shape.ClocksApartMax > Duration.Zero))
        {
            SetWall(node, _shape.ClocksApartMax);
        }
    }

    private void SendAway()
    {
        var nodes = _cluster.Nodes.ToArray();
        if (_shape.NodesAway == 0)
        {
            return;
        }

        _prng.Shuffle<SimNode>(nodes);
        foreach (var node in nodes.Take(_shape.NodesAway))
        {
            After(Duration.FromSeconds(4), () =>
            {
                _away.Add(node.Id);
                if (node.IsRunning)
                {
                    End(node, _prng.Chance(_shape.PowerLossPartsPerMillion));
                }
            });
        }
    }

    private void Drift()
    {
        _cluster.Ledger.Count(FaultKind.ClockDrifted);
        AnyNode().Clock.SetDrift(_prng.NextInt(-_shape.DriftPartsPerMillionMax, _shape.DriftPartsPerMillionMax));
    }

    private void StallDisk()
    {
        var node = AnyNode();
        var duration = _prng.NextDuration(Duration.FromMilliseconds(20), _shape.DiskStallMax);
        _cluster.Say(node.Id, $"has a disk that stalls for {duration}");
        _prng.Pick(node.Disks).StallFor(duration);
    }

    private void FillDisk()
    {
        var node = AnyNode();
        var disk = _prng.Pick(node.Disks);
        _cluster.Say(node.Id, "has a disk that is nearly full");
        disk.Faults.CapacityBytes = disk.UsedBytes + _prng.NextInt(0, 200_000);
        After(Duration.FromSeconds(6), () =>
        {
            _cluster.Say(node.Id, "has room on its disk again");
            disk.Faults.CapacityBytes = DiskFaults.Boundless;
        });
    }

    private void Rot()
    {
        var expendable = _cluster.Nodes.Where(node => node.IsExpendable).ToList();
        if (expendable.Count > 0)
        {
            var node = _prng.Pick(expendable);
            if (_prng.Pick(node.Disks).Rot(_prng.Pick(["journal/", "store/", ""])))
            {
                _cluster.Say(node.Id, "has a bit that rots");
            }
        }
    }

    // An operator looks after nodes whose loops have stopped.
    private void RebootFaulted()
    {
        foreach (var node in _cluster.Nodes.Where(node => node.NeedsReboot && node.IsRunning))
        {
            node.LosePower();
            After(_shape.DownMax, () => StartAgain(node));
        }
    }

    private void Operate()
    {
        var shards = _cluster.Directory.Shards;
        if (shards.IsEmpty)
        {
            return;
        }

        _cluster.Ledger.Count(FaultKind.OperatorAction);
        var shard = _prng.Pick(shards);
        switch (_prng.NextInt(0, 2))
        {
            case 0:
                MoveReplicas(shard);
                break;
            case 1:
                Command(writer => DirectoryCommand.WriteSetPreferredLeader(writer, shard.Id, _prng.Pick(shard.Replicas)));
                break;
            default:
                _operator.Call(
                    new Request
                    {
                        Kind = RequestKind.TransferLeadership,
                        Shard = shard.Id,
                        Payload = BitConverter.GetBytes(_prng.Pick(shard.Replicas).Value),
                        Timeout = Duration.FromSeconds(2),
                    },
                    _ => { });
                break;
        }
    }

    private void MoveReplicas(ShardInfo shard)
    {
        // Those move by themselves, in seeds that have it.
        if (_cluster.Directory.TryGetSpace(shard.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual)
        {
            return;
        }

        var outside = _cluster.Nodes.Select(node => node.Id)
            .Where(node => !shard.Replicas.Contains(node) && _cluster.Directory.TryGetNode(node, out _)).ToList();
        if (outside.Count > 0)
        {
            ImmutableArray<NodeId> replicas = shard.Replicas.SetItem(_prng.NextInt(0, shard.Replicas.Length - 1), _prng.Pick(outside));
            Command(writer => DirectoryCommand.WriteSetReplicas(writer, shard.Id, replicas, shard.Generation));
        }
    }

    // With a generator of its own: seeds from before there were such moves stay what they were.
    private void MoveLeaderlessLater() => _cluster.Scheduler.Schedule(
        _moves.NextDuration(Duration.Zero, _shape.LeaderlessMoveEvery * 2),
        () =>
        {
            if (!_isOver)
            {
                MoveLeaderless();
                MoveLeaderlessLater();
            }
        });

    private void MoveLeaderless()
    {
        var shards = _cluster.Directory.Shards.Where(shard =>
            _cluster.Directory.TryGetSpace(shard.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual).ToList();
        if (shards.Count == 0)
        {
            return;
        }

        _cluster.Ledger.Count(FaultKind.OperatorAction);
        var shard = _moves.Pick(shards);
        var outside = _cluster.Directory.Nodes.Select(node => node.Id).Where(node => !shard.Replicas.Contains(node)).ToList();
        var position = _moves.NextInt(0, shard.Replicas.Length - 1);

        // As many as before: what levels must show goes by how many there are. Now and then a move that has begun is taken back.
        var replicas = outside.Count == 0 || _moves.Chance(150_000)
            ? shard.Replicas : shard.Replicas.SetItem(position, _moves.Pick(outside));
        Command(writer => DirectoryCommand.WriteSetReplicas(writer, shard.Id, replicas, shard.Generation));
    }

    private void Command(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        _operator.Call(new Request { Kind = RequestKind.Write, Shard = ShardId.Directory, Payload = writer.ToArray() }, _ => { });
    }

    private void Join()
    {
        if (_cluster.Nodes.Count < NodesMax)
        {
            _cluster.BeginToAddNode(SetDiskRates);
        }
    }
}
