using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Node.Eventual;

/// <summary>
/// Clients' requests to eventual spaces of records: the commands and queries that strong spaces take, for as much of them as replicas
/// without a leader can do.
/// </summary>
/// <param name="environment">What the loop's parts share.</param>
/// <param name="requests">What carries them out.</param>
/// <param name="limits">The operator's bounds.</param>
internal sealed class RecordRequests(EventualEnvironment environment, CoordinatedRequests requests, RecordLimits limits)
{
    private readonly RecordLimits _limits = RecordsVersion.LimitsOf(limits);
    private readonly WireWriter _query = new(256);

    /// <summary>Takes a client's request.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, Instant now)
    {
        if (pending.Request.Kind == RequestKind.Write)
        {
            TakeWrite(pending, shard, now);
        }
        else
        {
            TakeRead(pending, shard, now);
        }
    }

    private void TakeWrite(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var command = pending.Request.Payload;
        if (ShardRefusal.Of(RecordsCommand.Validate(command, shard.HashLow, shard.HashHigh, _limits), shard.Id) is { } refusal)
        {
            environment.Router.Complete(pending, refusal);
        }
        else if (!RecordsCommand.TryParse(command, out _, out var operations) || operations.Length == 0)
        {
            Refuse(pending, "an eventual space has no time of its own that could be moved on");
        }
        else if (Array.TrueForAll(operations, static operation => operation.Expected is null))
        {
            var stamp = environment.Stamps.Next();
            requests.Write(
                pending, shard, RecordsVersion.OfOperations(operations, EventualClock.MicrosOf(stamp), stamp), stamp,
                operations.Length > 1 ? WriteKind.UnloggedBatch : WriteKind.Simple, now);
        }
        else if (Array.TrueForAll(operations, operation => operation.Key.Span.SequenceEqual(operations[0].Key.Span)))
        {
            requests.Conditional.Take(pending, shard, operations, now);
        }
        else
        {
            Refuse(pending, "an eventual space judges the conditions of one record at a time: a batch with conditions is about one key");
        }
    }

    private void TakeRead(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var query = pending.Request.Payload;
        var consistency = LevelOf(pending);
        if (consistency.Serial != SerialLevel.None)
        {
            requests.Conditional.TakeRead(pending, shard, now);
            return;
        }

        var asOf = environment.Stamps.Peek();
        _query.Reset();
        if (RecordsPages.TryWriteQuery(query, asOf, _query) is { } why)
        {
            Refuse(pending, why);
            return;
        }

        // A count is what one replica has: there is nothing to merge.
        var isCount = RecordsQuery.KindOf(query.Span) == RecordsQueryKind.Stats;
        requests.Read(pending, shard, _query.ToArray(), isCount ? ConsistencyLevel.One : consistency.Level, asOf, now);
    }

    // Who is content with any replica's answer gets the first.
    private static RequestConsistency LevelOf(PendingRequest pending) =>
        pending.Request is { Consistency: null, Level: ReadLevel.Any }
            ? new RequestConsistency(ConsistencyLevel.One) : CoordinatedRequests.LevelOf(pending);

    private void Refuse(PendingRequest pending, string why) =>
        environment.Router.Complete(pending, new Response(ResponseStatus.Invalid, Detail: why));
}
