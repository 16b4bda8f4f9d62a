using System.Diagnostics;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Chaos.Tests.Workload;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Loops;

namespace Atoll.Chaos.Tests;

/// <summary>
/// What is done to a cluster under load. Each fault ends with everything working again, and measures how long the shard whose leader it hit
/// took no write.
/// </summary>
internal sealed class Faults(ChaosCluster cluster, ClientTasks load, Prng prng)
{
    // Elections begin after 0.6 to 1.2 s of silence: these last longer.
    private const int LongFaultMinMilliseconds = 2_000;
    private const int LongFaultMaxMilliseconds = 3_500;

    private static readonly TimeSpan ScrubBound = TimeSpan.FromSeconds(30);

    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly List<TimeSpan> _pausesAfterKills = [];
    private readonly List<TimeSpan> _pausesAfterOthers = [];
    private readonly List<TimeSpan> _pausesAfterStops = [];

    /// <summary>Faults injected, by kind.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The longest time without a successful write in its shard, for every leader that was killed.</summary>
    public IReadOnlyList<TimeSpan> PausesAfterLeaderDeaths => _pausesAfterKills;

    /// <summary>The same for leaders that were paused or cut off.</summary>
    public IReadOnlyList<TimeSpan> PausesAfterOtherFaults => _pausesAfterOthers;

    /// <summary>The same for leaders that were asked to stop.</summary>
    public IReadOnlyList<TimeSpan> PausesAfterStops => _pausesAfterStops;

    /// <summary>A leader is asked to stop, and started again once it has: as when it gets a new version.</summary>
    public async Task RestartLeaderAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        Count("leader restarted in good order");
        var at = Stopwatch.GetTimestamp();
        await leader.StopAsync();
        leader.Start();
        await EndAsync(at, shard, _pausesAfterStops);
    }

    /// <summary>kill -9 of a leader; a restart a while later.</summary>
    public Task KillLeaderAsync() => KillAsync(wantsLeader: true);

    /// <summary>kill -9 of a node that does not lead the chosen shard.</summary>
    public Task KillFollowerAsync() => KillAsync(wantsLeader: false);

    /// <summary>kill -9 of all nodes at once: what was acknowledged is on disks, and nowhere else.</summary>
    public async Task KillAllAsync()
    {
        Count("all killed");
        foreach (var node in cluster.Nodes)
        {
            node.Kill();
        }

        var at = Stopwatch.GetTimestamp();
        foreach (var node in cluster.Nodes)
        {
            node.Start();
        }

        await WritesSucceedAsync(at, AllShards);
        await cluster.WholeAsync();
    }

    /// <summary>Waits until all works again.</summary>
    public Task WholeAsync() => cluster.WholeAsync();

    /// <summary>SIGSTOP of a leader for longer than an election takes, then SIGCONT: it still takes itself for the leader.</summary>
    public async Task PauseLeaderAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        Count("leader paused");
        var at = Stopwatch.GetTimestamp();
        leader.Pause();
        try
        {
            await LastAsync(shard);
        }
        finally
        {
            leader.Resume();
        }

        await EndAsync(at, shard, _pausesAfterOthers);
    }

    /// <summary>A leader is cut off from all other nodes, in both directions; clients still reach it.</summary>
    public async Task IsolateLeaderAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        Count("leader cut off");
        await WithCutsAsync(shard, Others(leader).SelectMany(other => new[] { (leader.Number, other), (other, leader.Number) }));
    }

    /// <summary>One link between two nodes is cut in both directions: a cluster in which not everybody reaches everybody.</summary>
    public async Task CutOneLinkAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        var other = prng.Pick(Others(leader));
        Count("link cut");
        await WithCutsAsync(shard, [(leader.Number, other), (other, leader.Number)]);
    }

    /// <summary>A leader hears the others, and they do not hear it.</summary>
    public async Task MuteLeaderAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        Count("leader muted");
        await WithCutsAsync(shard, Others(leader).Select(other => (leader.Number, other)));
    }

    /// <summary>The others hear a leader, and it does not hear them: it must notice by itself that nobody answers.</summary>
    public async Task DeafenLeaderAsync()
    {
        var (shard, leader) = await PickLeaderAsync();
        Count("leader deafened");
        await WithCutsAsync(shard, Others(leader).Select(other => (other, leader.Number)));
    }

    /// <summary>Other bytes lie in one file of each kind of a node, under its feet: what it finds while it is busy is repaired.</summary>
    public async Task DamageRunningAsync(NodeProcess victim)
    {
        Count("damaged while it ran");
        Damage(victim, spareEnd: false);
        await Eventually.LastsAsync(TimeSpan.FromMilliseconds(LongFaultMinMilliseconds));
        await SoundAsync(victim);
    }

    /// <summary>Nothing else is to be done: the node goes through all its files, and is whole again.</summary>
    public async Task ScrubbedAsync(NodeProcess victim)
    {
        var before = await ScrubPassesAsync(victim);
        await Eventually.HoldsAsync(
            "a scrub has been through all files", ScrubBound, async () => await ScrubPassesAsync(victim) > before + 1);
        await SoundAsync(victim);
    }

    /// <summary>kill -9, other bytes in one file of each kind, and a start.</summary>
    public async Task DamageStoppedAsync(NodeProcess victim)
    {
        Count("damaged while it was down");
        victim.Kill();
        Damage(victim, spareEnd: true);
        victim.Start();
        await SoundAsync(victim);
    }

    /// <summary>Whether the status has ever shown damage on the node, or a replica of it that is being repaired.</summary>
    public bool StatusHasShownDamage { get; private set; }

    /// <summary>Waits until the node knows of no damage, and all its replicas take part.</summary>
    public async Task SoundAsync(NodeProcess victim)
    {
        await Eventually.HoldsAsync("nothing is damaged any more", ChaosCluster.LivenessBound, async () =>
        {
            var loops = await LookAtAsync(victim);
            return loops.Count > 0 && loops.All(loop => loop.Store.Damages.IsEmpty
                && loop.Replicas.All(replica => replica.Role is ReplicaRole.Leader or ReplicaRole.Follower && replica.Detail.Length == 0));
        });
        await cluster.WholeAsync();
    }

    private ShardId[] AllShards => [.. cluster.Shards.Select(shard => shard.Id)];

    private int[] Others(NodeProcess node) => [.. cluster.Nodes.Select(other => other.Number).Where(number => number != node.Number)];

    private void Damage(NodeProcess victim, bool spareEnd)
    {
        foreach (var kind in Enum.GetValues<DamagedFile>())
        {
            if (DiskDamage.Overwrite(victim.Folder, kind, prng, spareEnd) is { } where)
            {
                victim.Note($"has other bytes in {where}");
                Count(kind.ToString());
            }
        }
    }

    private async Task<long> ScrubPassesAsync(NodeProcess victim) =>
        (await LookAtAsync(victim)).Sum(loop => loop.Store.Scrub.Passes);

    private async Task<IReadOnlyList<LoopStatus>> LookAtAsync(NodeProcess victim)
    {
        var loops = await cluster.LoopsAsync(victim);
        StatusHasShownDamage |= loops.Any(loop => loop.Store.FaultsFound > 0 || !loop.Store.Damages.IsEmpty
            || loop.Replicas.Any(replica => replica.Role == ReplicaRole.Repairing));
        return loops;
    }

    private async Task KillAsync(bool wantsLeader)
    {
        var (shard, leader) = await PickLeaderAsync();
        var victim = wantsLeader ? leader : cluster.Nodes[prng.Pick(Others(leader))];
        Count(wantsLeader ? "leader killed" : "follower killed");
        var at = Stopwatch.GetTimestamp();
        victim.Kill();
        await WritesSucceedAsync(at, AllShards);
        await Eventually.LastsAsync(TimeSpan.FromMilliseconds(prng.NextInt(1, 1_500)));
        victim.Start();
        await EndAsync(at, shard, wantsLeader ? _pausesAfterKills : null);
    }

    private async Task WithCutsAsync(ShardId shard, IEnumerable<(int From, int To)> cuts)
    {
        var at = Stopwatch.GetTimestamp();
        try
        {
            foreach (var (from, to) in cuts)
            {
                cluster.Network.CutOneWay(from, to);
            }

            await LastAsync(shard);
        }
        finally
        {
            cluster.Network.MendAll();
        }

        await EndAsync(at, shard, _pausesAfterOthers);
    }

    private async Task LastAsync(ShardId shard)
    {
        await Eventually.LastsAsync(TimeSpan.FromMilliseconds(prng.NextInt(LongFaultMinMilliseconds, LongFaultMaxMilliseconds)));
        await WritesSucceedAsync(Stopwatch.GetTimestamp(), shard); // while the fault is still there
    }

    private async Task EndAsync(long at, ShardId shard, List<TimeSpan>? pauses)
    {
        await WritesSucceedAsync(Stopwatch.GetTimestamp(), AllShards);
        await cluster.WholeAsync();
        pauses?.Add(load.Times.LongestPause(shard, at, Stopwatch.GetTimestamp()));
    }

    private Task WritesSucceedAsync(long since, params ShardId[] shards) => Eventually.HoldsAsync(
        "writes succeed again", ChaosCluster.LivenessBound, () => ValueTask.FromResult(load.Times.AnySince(since, shards)));

    private async Task<(ShardId Shard, NodeProcess Leader)> PickLeaderAsync()
    {
        var shard = prng.Pick(cluster.Shards).Id;
        NodeProcess? leader = null;
        await Eventually.HoldsAsync(
            $"{shard} has a leader", ChaosCluster.LivenessBound, async () => (leader = await cluster.LeaderAsync(shard)) is not null);
        return (shard, leader!);
    }

    private void Count(string kind) => _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
}
