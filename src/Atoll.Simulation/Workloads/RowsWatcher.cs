using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Follows the rows of a shard. At the end every acknowledged write must have come by, exactly once and as it was written, and the last
/// that was told of a row must be what is there: also of rows that were deleted with others, or all at once.
/// </summary>
/// <remarks>
/// What the deletion of a range or of a partition covers is told when it is removed, which is some time after readers have stopped to
/// see it: once everything was read, the watch has caught up only when it was told that, too.
/// </remarks>
internal sealed class RowsWatcher(SimCluster cluster, SimClient client, ShardId shard, RowsRecorder recorder)
    : ShardWatcher(cluster, client, shard, recorder.History)
{
    private readonly List<(HybridTime Version, string Key, long Value)> _seen = [];
    private readonly SortedDictionary<string, long> _told = new(StringComparer.Ordinal);

    public override bool IsCaughtUp => base.IsCaughtUp && Difference() is null;

    public override void Check()
    {
        var byVersion = _seen.ToLookup(change => change.Version.Value);
        foreach (var write in Acknowledged())
        {
            foreach (var step in write.Steps.Where(step => step.Kind == StepKind.Put))
            {
                // What a client writes with a clock that is ahead may win over what others, and itself, write next.
                var times = byVersion[write.Version].Count(change =>
                    change.Key == step.Key && (change.Value == step.Value || RowsRecorder.MayBeAhead(step.Key)));
                if (times != 1)
                {
                    throw new SafetyViolationException(
                        $"shard {Shard}: a watch from {From} through {Through} saw a write {times} times: {write}");
                }
            }
        }

        if (Difference() is { } difference)
        {
            throw new SafetyViolationException($"shard {Shard}: a watch from {From} through {Through} {difference}");
        }
    }

    protected override void Take(in RecordChange change)
    {
        if (change.Kind == ChangeKind.Truncate)
        {
            foreach (var key in _told.Keys.ToArray())
            {
                _told[key] = 0;
            }
        }
        else if (!RowImage.TryRead(change, out var image) || image.Row.IsEmpty != (change.Kind != ChangeKind.Put))
        {
            throw new SafetyViolationException($"shard {Shard}: a watch got a change of {change.Version} that is of no row");
        }
        else if (RowsRecorder.NameOf(image) is { } name)
        {
            var value = RowsRecorder.ValueOf(image.Row);
            _seen.Add((change.Version, name, value));
            _told[name] = value;
        }
    }

    protected override void Forget()
    {
        _seen.Clear();
        _told.Clear();
    }

    protected override ulong HashOf(Step step) => RowsRequests.HashOf(RowsRecorder.PartitionOf(step.Key));

    // What was told last against what was read when everything had ended; nothing is known before.
    private string? Difference()
    {
        foreach (var (row, value) in _told)
        {
            if (recorder.TryGetLastRead(row, out var there) && there != value)
            {
                return $"was last told {value} of {row}, and there is {there}";
            }
        }

        return null;
    }
}
