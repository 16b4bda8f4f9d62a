using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Follows the changes of a shard, resuming after every answer, whatever node gives it. At the end every acknowledged write must have
/// come by, exactly once, in the order of versions (museum, row 17).
/// </summary>
internal sealed class Watcher(SimCluster cluster, SimClient client, ShardId shard, RecordsRecorder recorder)
{
    private readonly List<(HybridTime Version, ChangeKind Kind, string Key, long Value)> _seen = [];
    private HybridTime _from;
    private HybridTime _through;
    private bool _isStarted;
    private string _lastAnswer = "none";

    public bool IsCaughtUp => Acknowledged().All(write => write.Version <= _through.Value);

    // The first answer says where the shard stands: everything after that must come by.
    public void Start() => client.Call(RecordsRequests.Changes(shard, "", HybridTime.Max, Duration.Zero), result =>
    {
        if (result.Response.Status == ResponseStatus.Ok && RecordsResultCodec.TryReadChanges(result.Response.Body, out var page))
        {
            _from = _through = page.AsOf;
            _isStarted = true;
            Follow();
        }
        else
        {
            cluster.Scheduler.Schedule(Duration.FromMilliseconds(500), Start);
        }
    });

    public override string ToString() =>
        $"a watch of shard {shard} stands at {_through} ({(IsCaughtUp ? "caught up" : "behind")}), last answer {_lastAnswer}";

    public void Check()
    {
        for (var i = 1; i < _seen.Count; i++)
        {
            if (_seen[i].Version < _seen[i - 1].Version)
            {
                throw new SafetyViolationException($"shard {shard}: a watch saw version {_seen[i].Version} after {_seen[i - 1].Version}");
            }
        }

        var byVersion = _seen.ToLookup(change => change.Version.Value);
        foreach (var write in Acknowledged())
        {
            foreach (var step in write.Steps.Where(step => step.Kind == StepKind.Put))
            {
                var times = byVersion[write.Version].Count(change => change.Key == step.Key && change.Value == step.Value);
                if (times != 1)
                {
                    throw new SafetyViolationException(
                        $"shard {shard}: a watch from {_from} through {_through} saw a write {times} times: {write}");
                }
            }
        }
    }

    private IEnumerable<Operation> Acknowledged() =>
        !_isStarted ? [] : recorder.History.Operations.Where(operation =>
            !operation.IsRead && operation.Outcome == OperationOutcome.Ok && operation.Version > _from.Value
            && cluster.Directory.TryGetShard(shard, out var info)
            && info.Holds(StableHash.Compute(Encoding.UTF8.GetBytes(operation.Steps[0].Key))));

    private void Follow() => client.Call(
        RecordsRequests.Changes(shard, "", _through, Duration.FromMilliseconds(300)),
        result =>
        {
            _lastAnswer = $"{result.Response.Status} at {cluster.Scheduler.Now} {result.Response.Detail}";
            if (result.Response.Status == ResponseStatus.Ok)
            {
                Take(result.Response.Body);
            }

            cluster.Scheduler.Schedule(Duration.FromMilliseconds(20), Follow);
        });

    private void Take(ReadOnlyMemory<byte> body)
    {
        if (!RecordsResultCodec.TryReadChanges(body, out var page))
        {
            throw new SafetyViolationException($"shard {shard}: an answer to a watch cannot be read");
        }

        if (page.Status == RecordsStatus.Compacted)
        {
            // What was missed is known to be missed: the watch begins anew behind it.
            _seen.Clear();
            _from = _through = page.AsOf;
            return;
        }

        if (page.Through < _through)
        {
            throw new SafetyViolationException($"shard {shard}: a watch at {_through} was told to go on at {page.Through}");
        }

        foreach (var change in page.Changes)
        {
            if (change.Version <= _through || change.Version > page.Through)
            {
                throw new SafetyViolationException(
                    $"shard {shard}: a watch after {_through} got a change of {change.Version} in a page through {page.Through}");
            }

            _seen.Add((
                change.Version,
                change.Kind,
                Encoding.UTF8.GetString(change.Key.Span),
                change.Kind == ChangeKind.Put ? NumberedValue.Read(change.Value.Span) : 0));
        }

        _through = page.Through;
    }
}
