using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Loops;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Clusters;

/// <summary>
/// A machine of the simulated cluster: clocks and disks that stay, and a process that comes and goes. Between its lives nothing of the
/// process remains but what is on its disks.
/// </summary>
public sealed class SimNode
{
    private readonly SimCluster _cluster;
    private readonly Prng _prng;
    private readonly SimDisk[] _disks;
    private SimLoop[] _loops = [];

    internal SimNode(SimCluster cluster, NodeId id, Prng prng)
    {
        _cluster = cluster;
        _prng = prng;
        Id = id;
        Address = $"10.0.0.{id.Value}:7000";
        Description = new NodeDescription(
            $"node-{id.Value}", Address, "", "", cluster.Shape.LoopsPerNode, RegionOf(cluster.Shape, id), "", prng.NextUInt64() | 1);
        Clock = new SimClock(cluster.Scheduler, Instant.FromMilliseconds(prng.NextInt(1, 1_000_000)), Duration.Zero);
        _disks = new SimDisk[cluster.Shape.LoopsPerNode];
        for (var i = 0; i < _disks.Length; i++)
        {
            _disks[i] = new SimDisk(cluster.Scheduler, prng.Fork(), new DiskFaults(), cluster.Ledger);
        }
    }

    /// <summary>Its number.</summary>
    public NodeId Id { get; }

    /// <summary>Where the others reach it.</summary>
    public string Address { get; }

    /// <summary>What it tells the directory about itself.</summary>
    public NodeDescription Description { get; }

    /// <summary>Its clocks.</summary>
    public SimClock Clock { get; }

    /// <summary>Whether its process runs (it may stand still).</summary>
    public bool IsRunning => _loops.Length > 0;

    /// <summary>Whether its process stands still now.</summary>
    public bool IsPaused => IsRunning && _loops[0].Incarnation.PausedUntil > _cluster.Scheduler.Now;

    /// <summary>Whether all its loops have read back their disks and take part.</summary>
    public bool IsReady => IsRunning && Array.TrueForAll(_loops, loop => loop.Loop.IsReady);

    /// <summary>Why a loop of it has stopped for good in this life; null while all run.</summary>
    public string? FaultReason { get; private set; }

    /// <summary>Whether the injector may do things to its disks that destroy data.</summary>
    public bool IsExpendable { get; internal set; }

    /// <summary>Set when a loop reported a fault of its disk, so that only a reboot may bring the node back.</summary>
    public bool NeedsReboot { get; private set; }

    /// <summary>The disk of a loop.</summary>
    public SimDisk Disk(int loop = 0) => _disks[loop];

    /// <summary>All its disks, by loop.</summary>
    public IReadOnlyList<SimDisk> Disks => _disks;

    /// <summary>A running loop, or null when the process does not run.</summary>
    public NodeLoop? Loop(int loop = 0) => loop < _loops.Length ? _loops[loop].Loop : null;

    /// <summary>Starts the process.</summary>
    public void Start()
    {
        Check.That(!IsRunning);
        FaultReason = null;
        NeedsReboot = false;
        _cluster.Say(Id, "starts");
        _cluster.Checker.NodeStarts(Id);
        var loops = new SimLoop[_disks.Length];
        for (byte i = 0; i < loops.Length; i++)
        {
            loops[i] = new SimLoop(_cluster, this, _cluster.OptionsFor(this, i), _prng.Fork());
        }

        _loops = loops;
        foreach (var loop in loops)
        {
            loop.Start();
        }
    }

    /// <summary>The process is killed without any farewell. What the operating system had cached is kept.</summary>
    public void Stop() => End(false, null);

    /// <summary>
    /// Hands over what the node leads, as a node that is asked to stop does, and goes on; returns how many shards it leads still that
    /// others could lead.
    /// </summary>
    public int HandOver()
    {
        var left = 0;
        foreach (var loop in _loops)
        {
            left += loop.Loop.HandOver();
            loop.Loop.FlushBatch();
        }

        return left;
    }

    /// <summary>The machine loses power: of what was not synced anything may be lost.</summary>
    /// <param name="style">What is kept of it; null to draw it.</param>
    public void LosePower(PowerLossStyle? style = null) => End(true, style);

    /// <summary>Kills the process and starts it again at once.</summary>
    public void Restart()
    {
        Stop();
        Start();
    }

    /// <summary>The process stands still: no event reaches it. Its clocks and its disks run on.</summary>
    public void Pause(Duration duration)
    {
        Check.That(IsRunning);
        _cluster.Say(Id, $"is paused for {duration}");
        _cluster.Ledger.Count(FaultKind.ProcessPaused);
        foreach (var loop in _loops)
        {
            loop.Incarnation.PauseUntil(_cluster.Scheduler.Now + duration);
        }
    }

    internal SimLoop? RunningLoop(int loop) => loop < _loops.Length ? _loops[loop] : null;

    internal void LoopFaulted(byte loop, string why)
    {
        FaultReason = why;
        NeedsReboot = true;
        _cluster.Say(Id, $"loop {loop} has stopped: {why}");
        _cluster.Checker.LoopFaulted(this, why);
    }

    private void End(bool powerLoss, PowerLossStyle? style)
    {
        Check.That(IsRunning);
        _cluster.Say(Id, powerLoss ? "loses power" : "is killed");
        _cluster.Ledger.Count(powerLoss ? FaultKind.PowerLost : FaultKind.ProcessKilled);
        foreach (var loop in _loops)
        {
            loop.Incarnation.Kill();
        }

        _loops = [];
        foreach (var disk in _disks)
        {
            disk.Crash(powerLoss, style);
        }

        _cluster.Network.Detach(Id, silently: powerLoss);
    }

    private static string RegionOf(ClusterShape shape, NodeId id) =>
        shape.Regions.IsEmpty ? "" : shape.Regions[(int)((id.Value - 1) % (uint)shape.Regions.Length)];
}
