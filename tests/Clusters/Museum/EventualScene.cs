using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Simulation.Workloads;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// A running cluster with one eventual space of one shard, whose clients' reads are judged as those of <see cref="EventualWorkload"/> are:
/// where something that once happened elsewhere is made to happen again.
/// </summary>
internal sealed class EventualScene
{
    /// <summary>The partition that scenarios work on.</summary>
    public const string Partition = "p0";

    private readonly RowsRecorder _conditional;

    public EventualScene(ulong seed, Sabotage planted, int nodes = 3)
    {
        const int replicas = 3;
        Cluster = new SimCluster(seed, new ClusterShape { Nodes = nodes, Sabotage = planted });
        Cluster.Start();
        Space = Cluster.CreateSpace("rows", replicas, kind: SpaceKind.Rows, faultModel: FaultModel.Eventual);
        Recorder = new EventualRecorder(Space, replicas);
        _conditional = new RowsRecorder(Cluster, Space, RowsMutation.GraceSecondsDefault)
        {
            Consistency = new RequestConsistency(ConsistencyLevel.Any, SerialLevel.Serial),
        };
        Cluster.Network.Interceptor = Filter;
        Await(() => Array.TrueForAll(Replicas, node => ReplicaOn(node)?.IsReady == true), "all replicas take part");
    }

    public SimCluster Cluster { get; }

    public SpaceId Space { get; }

    public EventualRecorder Recorder { get; }

    public EventualFilter Filter { get; } = new();

    /// <summary>The nodes with a replica, by number.</summary>
    public int[] Replicas => [.. Shard.Replicas.Select(static id => (int)id.Value).Order()];

    /// <summary>A node without a replica.</summary>
    public SimNode Outsider => Cluster.Nodes.First(node => !Shard.Replicas.Contains(node.Id));

    private ShardInfo Shard => Cluster.Directory.Shards.Single(shard => shard.Space == Space);

    public EventualReplica? ReplicaOn(int node) =>
        Cluster.Node(node).Loop()?.Eventual is { } eventual && eventual.Replicas.TryGetValue(Shard.Id, out var replica) ? replica : null;

    public SimClient NewClient(SimNode? through = null)
    {
        var client = Cluster.NewClient();
        client.Home = through;
        return client;
    }

    public void Run(int milliseconds) => Cluster.Run(Duration.FromMilliseconds(milliseconds));

    /// <summary>Waits for what the scenario needs in order to be that scenario.</summary>
    public void Await(Func<bool> condition, string what, int seconds = 60)
    {
        if (!Cluster.RunUntil(condition, Duration.FromSeconds(seconds)))
        {
            throw new StalledException($"did not come to pass: {what}\n{string.Join('\n', Cluster.Log.Lines.TakeLast(60))}");
        }
    }

    /// <summary>Writes, and waits for the acknowledgement; the timestamp.</summary>
    public long Write(SimNode through, EventualPart part, ConsistencyLevel level, long? timestampMicros = null)
    {
        (bool IsOver, long? Micros) end = default;
        Recorder.Write(NewClient(through), Partition, [part], level, timestampMicros, micros => end = (true, micros));
        Await(() => end.IsOver, "the write has ended");
        Assert.NotNull(end.Micros);
        return end.Micros.Value;
    }

    /// <summary>Reads a row, which has it judged; the highest timestamp in it, long.MinValue for none.</summary>
    public long Read(SimNode? through, string row, ConsistencyLevel level)
    {
        (CallResult? Result, long Micros) end = default;
        Recorder.Read(
            NewClient(through), Partition, ClusteringRange.Of(RowsRequests.Bytes(row)), [row], level, 0,
            (result, micros) => end = (result, micros));
        Await(() => end.Result is not null, "the read has ended");
        Assert.Equal(ResponseStatus.Ok, end.Result!.Response.Status);
        return end.Micros;
    }

    /// <summary>Reads a counter, which has it judged.</summary>
    public void ReadCounter(string name, ConsistencyLevel level)
    {
        CallResult? end = null;
        Recorder.ReadCounter(NewClient(), name, level, result => end = result);
        Await(() => end is not null, "the read has ended");
        Assert.Equal(ResponseStatus.Ok, end!.Response.Status);
    }

    /// <summary>Puts a row that is not there yet by a conditional write, which is answered when it is decided.</summary>
    public void PutIfAbsent(SimClient client, string row)
    {
        var isOver = false;
        client.RetriesUnknownOutcomes = false;
        _conditional.Write(client, 1, Partition, [new RowStep(StepKind.Put, row, 10, ExpectedValue: 0)], () => isOver = true);
        Await(() => isOver, "the conditional write has ended");
    }

    /// <summary>A SERIAL read of a row.</summary>
    public void ReadSerial(SimNode through, string row)
    {
        CallResult? end = null;
        _conditional.Read(
            NewClient(through), 2, Partition, ClusteringRange.Of(RowsRequests.Bytes(row)), [row], result => end = result);
        Await(() => end is not null, "the read has ended");
        Assert.Equal(ResponseStatus.Ok, end!.Response.Status);
    }

    /// <summary>The value that a client last saw in a row by a conditional write or a SERIAL read; 0 for none.</summary>
    public long LastValueSeen(string row) => _conditional.LastValueSeen(Partition, row);

    /// <summary>What conditional writes and SERIAL reads saw must have an order that explains it.</summary>
    public void CheckHistory()
    {
        var result = LinearizabilityChecker.Check(_conditional.History);
        if (result.Verdict == LinearizabilityVerdict.Violation)
        {
            throw new SafetyViolationException(result.Explanation);
        }

        Check.That(result.Verdict == LinearizabilityVerdict.Linearizable);
    }
}
