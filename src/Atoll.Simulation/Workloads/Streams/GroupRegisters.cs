using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Groups;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Committed offsets as registers, one for each group and partition: commits and fetches are written into a history, which must be
/// linearizable. Each commit has a number of its own, so that a fetch tells which one it saw.
/// </summary>
/// <param name="cluster">Whose time it is.</param>
/// <param name="history">Where they are written.</param>
/// <param name="partitions">Partitions of the topic.</param>
internal sealed class GroupRegisters(SimCluster cluster, History history, int partitions)
{
    private const string Topic = "topic";

    private long _lastNumber;

    /// <summary>A commit begins, of an offset in any partition.</summary>
    public CommitUnderWay BeginCommit(string group, int client, Prng prng)
    {
        var partition = prng.NextInt(0, partitions - 1);
        var number = ++_lastNumber;
        var operation = history.Invoke(client, cluster.Scheduler.Now, new Step(StepKind.Put, KeyOf(group, partition), number));
        var committed = new CommittedOffset(number, -1, number.ToString(CultureInfo.InvariantCulture));
        return new CommitUnderWay(operation, new OffsetToCommit(new TopicPartition(Topic, partition), committed));
    }

    /// <summary>A commit has ended.</summary>
    public void End(CommitUnderWay commit, bool isDone, bool mayHaveTakenEffect) => history.Return(
        commit.Operation, cluster.Scheduler.Now,
        isDone ? OperationOutcome.Ok : mayHaveTakenEffect ? OperationOutcome.Unknown : OperationOutcome.Refused);

    /// <summary>Fetches the offset of any partition.</summary>
    public void Fetch(
        SimClient client, SpaceId space, string group, int number, Prng prng, Func<CallResult, bool> endsWell, Action<CallResult> done) =>
        Fetch(client, space, group, number, prng.NextInt(0, partitions - 1), endsWell, done);

    /// <summary>Fetches the offset of a partition.</summary>
    public void Fetch(
        SimClient client, SpaceId space, string group, int number, int partition, Func<CallResult, bool> endsWell, Action<CallResult> done)
    {
        var place = new TopicPartition(Topic, partition);
        var operation = history.Invoke(number, cluster.Scheduler.Now, new Step(StepKind.Get, KeyOf(group, partition)));
        client.Call(GroupsRequests.Read(space, group, writer => GroupQuery.WriteOffsets(writer, group, [place])), result =>
        {
            if (endsWell(result))
            {
                if (GroupOffsets.TryRead(result.Response.Body) is not { Status: GroupStatus.Ok, Offsets: [var found] }
                    || found.Place != place)
                {
                    throw new SafetyViolationException($"the answer to a fetch of {group}'s offset of {place} cannot be read");
                }

                history.ReturnRead(operation, cluster.Scheduler.Now, new Observation(NumberOf(found.Committed)));
            }

            done(result);
        });
    }

    private static string KeyOf(string group, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{group}, partition {partition}");

    private static long NumberOf(in CommittedOffset committed)
    {
        if (committed.Offset < 0)
        {
            return 0;
        }

        return committed.Metadata == committed.Offset.ToString(CultureInfo.InvariantCulture) ? committed.Offset
            : throw new SafetyViolationException($"offset {committed.Offset} was committed with other words than \"{committed.Metadata}\"");
    }
}

/// <summary>A commit that has begun.</summary>
/// <param name="Operation">What it is in the history.</param>
/// <param name="Offset">What is committed.</param>
internal readonly record struct CommitUnderWay(Operation Operation, OffsetToCommit Offset);
