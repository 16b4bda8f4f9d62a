using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Disks;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Directory;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// A running cluster with one space of one shard, whose clients' history is recorded: where something that once happened elsewhere is
/// made to happen again. The cluster's own checkers watch all the time; <see cref="CheckHistory"/> judges what the clients saw.
/// </summary>
internal sealed class Scene
{
    private int _clients;

    public Scene(
        ulong seed, Sabotage planted, ClusterShape? shape = null, int replicas = 3, SpaceKind kind = SpaceKind.Records)
    {
        Cluster = new SimCluster(seed, (shape ?? new ClusterShape()) with { Sabotage = planted });
        Cluster.Start();
        Space = Cluster.CreateSpace("s", replicas, kind: kind);
        Shard = Cluster.Directory.Shards.Single(shard => shard.Space == Space).Id;
        Filter = new RaftFilter(Shard);
        Cluster.Network.Interceptor = Filter;

        // Until the preferred replica leads: from then on nobody hands over without a reason.
        var preferred = (int)Info.PreferredLeader.Value;
        Check.That(Cluster.RunUntil(() => Leader == preferred && Raft(preferred)!.HasCommittedInTerm, Duration.FromSeconds(30)));
        Cluster.Run(Duration.FromMilliseconds(200));
    }

    public SimCluster Cluster { get; }

    public SpaceId Space { get; }

    public ShardId Shard { get; }

    public RaftFilter Filter { get; }

    public History History { get; } = new();

    public ShardInfo Info => Cluster.Directory.Shards.Single(shard => shard.Id == Shard);

    /// <summary>The replica that leads the highest term; 0 when none leads.</summary>
    public int Leader => Cluster.Nodes
        .Where(node => !node.IsPaused && Raft((int)node.Id.Value)?.Role == Role.Leader)
        .OrderByDescending(node => Raft((int)node.Id.Value)!.Term.Value)
        .Select(node => (int)node.Id.Value)
        .FirstOrDefault();

    /// <summary>All replicas but one, by number.</summary>
    public int[] Others(int node) => [.. Info.Replicas.Select(id => (int)id.Value).Where(id => id != node).Order()];

    public RaftCore? Raft(int node) => Replica(node)?.Raft;

    public ShardReplica? Replica(int node) =>
        Cluster.Node(node).Loop()?.Replicas.TryGetValue(Shard, out var replica) == true ? replica : null;

    public Witness NewClient(int through = 0) => new(this, ++_clients, through == 0 ? null : Cluster.Node(through));

    public void Run(int milliseconds) => Cluster.Run(Duration.FromMilliseconds(milliseconds));

    /// <summary>Waits for what the scenario needs in order to be that scenario.</summary>
    public void Await(Func<bool> condition, string what, int seconds = 20)
    {
        if (!Cluster.RunUntil(condition, Duration.FromSeconds(seconds)))
        {
            throw new StalledException($"did not come to pass: {what}\n{string.Join('\n', Cluster.Log.Lines.TakeLast(60))}");
        }
    }

    /// <summary>Every machine loses power at once, and with it all that was not synced; then all come back.</summary>
    public void LosePowerEverywhere(int darkMilliseconds = 1_000)
    {
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
        {
            node.LosePower(PowerLossStyle.KeepNothing);
        }

        Run(darkMilliseconds);
        foreach (var node in Cluster.Nodes)
        {
            node.Start();
        }
    }

    /// <summary>Where the shard shall live.</summary>
    public void Place(params int[] nodes)
    {
        var writer = new WireWriter();
        DirectoryCommand.WriteSetReplicas(writer, Shard, [.. nodes.Select(node => new NodeId((uint)node))]);
        Cluster.Administer(Cluster.NewClient(), writer);
    }

    /// <summary>Everything works again: then the shard must take a write within seconds.</summary>
    public void MustRecover(int seconds = 15)
    {
        Filter.Loses = null;
        Filter.CutsFrom = null;
        Cluster.Heal();
        foreach (var node in Cluster.Nodes.Where(node => !node.IsRunning))
        {
            node.Start();
        }

        MustTakeWrites(seconds);
    }

    /// <summary>The shard takes a write within seconds, as things are.</summary>
    public void MustTakeWrites(int seconds = 15)
    {
        var client = NewClient();
        client.Patience = Duration.FromSeconds(seconds);
        if (client.Put("recovered", 1_000_000 + client.Number) != OperationOutcome.Ok)
        {
            throw new StalledException($"no write for {seconds} s\n{string.Join('\n', Cluster.Log.Lines.TakeLast(60))}");
        }
    }

    /// <summary>What the clients saw must have an order that explains it.</summary>
    public void CheckHistory()
    {
        var result = LinearizabilityChecker.Check(History);
        if (result.Verdict == LinearizabilityVerdict.Violation)
        {
            throw new SafetyViolationException(result.Explanation);
        }

        Check.That(result.Verdict == LinearizabilityVerdict.Linearizable);
    }
}
