using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Follows the records of a shard. At the end every acknowledged write must have come by, exactly once (museum, row 17).
/// </summary>
internal sealed class Watcher(SimCluster cluster, SimClient client, ShardId shard, RecordsRecorder recorder)
    : ShardWatcher(cluster, client, shard, recorder.History)
{
    private readonly List<(HybridTime Version, string Key, long Value)> _seen = [];

    public override void Check()
    {
        var byVersion = _seen.ToLookup(change => change.Version.Value);
        foreach (var write in Acknowledged())
        {
            foreach (var step in write.Steps.Where(step => step.Kind == StepKind.Put))
            {
                var times = byVersion[write.Version].Count(change => change.Key == step.Key && change.Value == step.Value);
                if (times != 1)
                {
                    throw new SafetyViolationException(
                        $"shard {Shard}: a watch from {From} through {Through} saw a write {times} times: {write}");
                }
            }
        }
    }

    protected override void Take(in RecordChange change) => _seen.Add((
        change.Version, Encoding.UTF8.GetString(change.Key.Span),
        change.Kind == ChangeKind.Put ? NumberedValue.Read(change.Value.Span) : 0));

    protected override void Forget() => _seen.Clear();

    protected override ulong HashOf(Step step) => StableHash.Compute(Encoding.UTF8.GetBytes(step.Key));
}
