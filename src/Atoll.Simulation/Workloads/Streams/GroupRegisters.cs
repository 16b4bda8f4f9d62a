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
/// linearizable. Each commit has a number of its own, which stands in its words, so that a fetch tells which one it saw.
/// </summary>
/// <param name="cluster">Whose time it is.</param>
/// <param name="history">Where they are written.</param>
/// <param name="partitions">Partitions of the topic.</param>
internal sealed class GroupRegisters(SimCluster cluster, History history, int partitions)
{
    private const string Topic = "topic";

    // By the numbers of commits, the first of which is 1.
    private readonly List<long> _offsets = [0];

    /// <summary>Partitions of the topic.</summary>
    public int Partitions => partitions;

    /// <summary>A partition of the topic.</summary>
    public static TopicPartition PlaceOf(int partition) => new(Topic, partition);

    /// <summary>A commit begins, of an offset in any partition.</summary>
    public CommitUnderWay BeginCommit(string group, int client, Prng prng) =>
        BeginCommit(group, client, prng.NextInt(0, partitions - 1), _offsets.Count);

    /// <summary>A commit of an offset begins.</summary>
    public CommitUnderWay BeginCommit(string group, int client, int partition, long offset)
    {
        var number = _offsets.Count;
        _offsets.Add(offset);
        var operation = history.Invoke(client, cluster.Scheduler.Now, new Step(StepKind.Put, KeyOf(group, partition), number));
        var committed = new CommittedOffset(offset, -1, number.ToString(CultureInfo.InvariantCulture));
        return new CommitUnderWay(operation, new OffsetToCommit(PlaceOf(partition), committed));
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
        var place = PlaceOf(partition);
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

    private long NumberOf(in CommittedOffset committed)
    {
        if (committed.Offset < 0)
        {
            return 0;
        }

        return long.TryParse(committed.Metadata, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0 && number < _offsets.Count && _offsets[(int)number] == committed.Offset
            ? number
            : throw new SafetyViolationException($"offset {committed.Offset} was committed with other words than \"{committed.Metadata}\"");
    }
}

/// <summary>A commit that has begun.</summary>
/// <param name="Operation">What it is in the history.</param>
/// <param name="Offset">What is committed.</param>
internal readonly record struct CommitUnderWay(Operation Operation, OffsetToCommit Offset);
