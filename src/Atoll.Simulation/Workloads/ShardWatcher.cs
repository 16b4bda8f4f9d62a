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
/// Follows the changes of a shard, resuming after every answer, whatever node gives it: they come in the order of versions, none from
/// before the place that was asked for, none from behind the page (museum, row 17).
/// </summary>
internal abstract class ShardWatcher(SimCluster cluster, SimClient client, ShardId shard, History history)
{
    private bool _isStarted;
    private HybridTime _last;
    private string _lastAnswer = "none";

    /// <summary>Whether it has come as far as the shard was when the last write was acknowledged.</summary>
    public virtual bool IsCaughtUp => Acknowledged().All(write => write.Version <= Through.Value);

    /// <summary>The shard.</summary>
    protected ShardId Shard => shard;

    /// <summary>What was acknowledged with a version at or below it is not looked at: it was there before, or forgotten.</summary>
    protected HybridTime From { get; private set; }

    /// <summary>How far it has come.</summary>
    protected HybridTime Through { get; private set; }

    // The first answer says where the shard stands: everything after that must come by.
    public void Start() => client.Call(RecordsRequests.Changes(shard, "", HybridTime.Max, Duration.Zero), result =>
    {
        if (result.Response.Status == ResponseStatus.Ok && RecordsResultCodec.TryReadChanges(result.Response.Body, out var page))
        {
            From = Through = page.AsOf;
            _isStarted = true;
            Follow();
        }
        else
        {
            cluster.Scheduler.Schedule(Duration.FromMilliseconds(500), Start);
        }
    });

    public override string ToString() =>
        $"a watch of shard {shard} stands at {Through} ({(IsCaughtUp ? "caught up" : "behind")}), last answer {_lastAnswer}";

    /// <summary>Throws when something was missed, or told twice.</summary>
    public abstract void Check();

    /// <summary>A change came by.</summary>
    protected abstract void Take(in RecordChange change);

    /// <summary>What was missed is known to be missed: the watch begins anew behind it.</summary>
    protected abstract void Forget();

    /// <summary>The routing hash of what a step is about.</summary>
    protected abstract ulong HashOf(Step step);

    /// <summary>The writes that must have come by.</summary>
    protected IEnumerable<Operation> Acknowledged() =>
        !_isStarted ? [] : history.Operations.Where(operation =>
            !operation.IsRead && operation.Outcome == OperationOutcome.Ok && operation.Version > From.Value
            && cluster.Directory.TryGetShard(shard, out var info) && info.Holds(HashOf(operation.Steps[0])));

    private void Follow() => client.Call(
        RecordsRequests.Changes(shard, "", Through, Duration.FromMilliseconds(300)),
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
            Forget();
            From = Through = _last = page.AsOf;
            return;
        }

        if (page.Through < Through)
        {
            throw new SafetyViolationException($"shard {shard}: a watch at {Through} was told to go on at {page.Through}");
        }

        foreach (var change in page.Changes)
        {
            if (change.Version <= Through || change.Version > page.Through)
            {
                throw new SafetyViolationException(
                    $"shard {shard}: a watch after {Through} got a change of {change.Version} in a page through {page.Through}");
            }

            if (change.Version < _last)
            {
                throw new SafetyViolationException($"shard {shard}: a watch saw version {change.Version} after {_last}");
            }

            _last = change.Version;
            Take(change);
        }

        Through = page.Through;
    }
}
