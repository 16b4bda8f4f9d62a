using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
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
    // How often a replica is asked again on behalf of a watcher that waits for news.
    private static readonly Duration WatchInterval = Duration.FromMilliseconds(100);

    private readonly RecordLimits _limits = RecordsVersion.LimitsOf(limits);
    private readonly List<HeldRequest> _watching = [];
    private Instant _nextWatch;
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

    /// <summary>A replica has answered a watcher.</summary>
    /// <param name="pending">The watcher's request.</param>
    /// <param name="page">The page of changes.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether the watcher waits on, as there is nothing new.</returns>
    public bool TryLinger(PendingRequest pending, ReadOnlyMemory<byte> page, Instant now)
    {
        // The first time, RetryAt becomes the end of the lingering.
        if (pending.RetryAt <= Instant.Zero)
        {
            pending.RetryAt = Instant.Min(pending.Deadline - (WatchInterval * 2), now + pending.Request.Linger);
        }

        if (now >= pending.RetryAt || !RecordsQuery.TryReadChanges(pending.Request.Payload, out var query)
            || !RecordsChanges.IsNothing(query, page))
        {
            return false;
        }

        _watching.Add(new HeldRequest(pending, pending.Number));
        return true;
    }

    /// <summary>Asks again for those who wait for news.</summary>
    public void Tick(Instant now)
    {
        if (_watching.Count == 0 || now < _nextWatch)
        {
            return;
        }

        _nextWatch = now + WatchInterval;
        var waiting = _watching.ToArray();
        _watching.Clear();
        foreach (var held in waiting)
        {
            if (held.IsHeld && environment.Directory.TryGetShard(held.Pending.Shard, out var shard)
                && RecordsQuery.TryReadChanges(held.Pending.Request.Payload, out var changes))
            {
                TakeWatch(held.Pending, shard!, changes, now);
            }
        }
    }

    // From the replica whose history the watcher has followed, as long as that is up.
    private void TakeWatch(PendingRequest pending, ShardInfo shard, in ChangesQuery changes, Instant now)
    {
        var self = environment.Options.Self;
        var readers = requests.ReadersOf(shard);
        var replica = WatchPlace.TryRead(changes.Cursor, out var place) && readers.Contains(place.Replica)
            && environment.IsUp(place.Replica)
                ? place.Replica
                : readers.Contains(self) ? self : readers.FirstOrDefault(environment.IsUp);
        if (replica == NodeId.None)
        {
            environment.Router.Complete(
                pending, new Response(ResponseStatus.Unavailable, Shard: shard.Id, Detail: "no replica of the shard is up"));
            return;
        }

        _query.Reset();
        RecordsChanges.Write(_query, changes, replica);
        requests.Read(pending, shard, _query.ToArray(), ConsistencyLevel.One, environment.Stamps.Peek(), now, replica);
    }

    private void TakeWrite(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var command = pending.Request.Payload;
        switch (environment.Directory.ConflictsOf(shard))
        {
            case ConflictRule.Siblings:
                TakeSibling(pending, shard, command);
                return;
            case ConflictRule.Counters:
                TakeAddition(pending, shard, command);
                return;
            case ConflictRule.Sets when !IsDeletion(command):
                TakeElements(pending, shard, command, isSet: true, now);
                return;
            case ConflictRule.Maps when !IsDeletion(command):
                TakeElements(pending, shard, command, isSet: false, now);
                return;
        }

        if (SiblingCommand.Is(command.Span) || AddCommand.Is(command.Span) || ElementsCommand.Is(command.Span))
        {
            Refuse(
                pending,
                "the space keeps the last write of each record: its writes take no context, and neither numbers nor elements are added");
            return;
        }

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
                pending, shard, RecordsVersion.OfOperations(operations, EventualClock.MicrosOf(stamp), stamp), stamp, stamp,
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

    private void TakeSibling(PendingRequest pending, ShardInfo shard, ReadOnlyMemory<byte> bytes)
    {
        if (!SiblingCommand.Is(bytes.Span))
        {
            Refuse(
                pending, "the space keeps siblings: its records are put and deleted one by one, with the context of a get; it has neither "
                + "conditions on versions nor batches");
        }
        else if (ShardRefusal.Of(SiblingCommand.Validate(bytes, shard.HashLow, shard.HashHigh, _limits), shard.Id) is { } refusal)
        {
            environment.Router.Complete(pending, refusal);
        }
        else if (!SiblingCommand.TryRead(bytes, out var command)
            || !RecordSiblings.TryReadContext(command.Context, command.Key.Span, out var seen))
        {
            Refuse(pending, "the context is none that a get of this record has answered");
        }
        else if (command.IsDeletion && command.Context.IsEmpty)
        {
            Refuse(pending, "the space keeps siblings: a delete removes what its context says was read, and this one has none");
        }
        else
        {
            requests.Led.Take(pending, shard, command, seen);
        }
    }

    private void TakeAddition(PendingRequest pending, ShardInfo shard, ReadOnlyMemory<byte> bytes)
    {
        if (!AddCommand.Is(bytes.Span))
        {
            Refuse(pending, "the space's records are counters: they are added to, and neither written nor deleted");
        }
        else if (ShardRefusal.Of(AddCommand.Validate(bytes, shard.HashLow, shard.HashHigh, _limits), shard.Id) is { } refusal)
        {
            environment.Router.Complete(pending, refusal);
        }
        else if (AddCommand.TryRead(bytes, out var command))
        {
            requests.Led.Take(pending, shard, command);
        }
    }

    private void TakeElements(PendingRequest pending, ShardInfo shard, ReadOnlyMemory<byte> bytes, bool isSet, Instant now)
    {
        if (!ElementsCommand.Is(bytes.Span))
        {
            var what = isSet ? "sets: their elements are added and removed" : "maps: what is under their keys is put and removed";
            Refuse(pending, $"the space's records are {what}; a record can be deleted, without a condition, and is not written as a whole");
        }
        else if (ShardRefusal.Of(ElementsCommand.Validate(bytes, shard.HashLow, shard.HashHigh, _limits), shard.Id) is { } refusal)
        {
            environment.Router.Complete(pending, refusal);
        }
        else if (ElementsCommand.TryRead(bytes, out var command))
        {
            if (isSet && command.Changes.Any(static change => !change.Value.IsEmpty))
            {
                Refuse(pending, "the space's records are sets: their elements have no values");
                return;
            }

            var stamp = environment.Stamps.Next();
            requests.Write(
                pending, shard, RecordsVersion.OfElements(command, EventualClock.MicrosOf(stamp), stamp), stamp, stamp,
                WriteKind.Simple, now);
        }
    }

    private static bool IsDeletion(ReadOnlyMemory<byte> command) =>
        RecordsCommand.TryParse(command, out _, out var operations)
        && operations is [{ Kind: RecordOperationKind.Delete, Expected: null }];

    private void TakeRead(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var query = pending.Request.Payload;
        var consistency = LevelOf(pending);
        if (environment.Directory.ConflictsOf(shard) != ConflictRule.LastWrite
            && (consistency.Serial != SerialLevel.None || RecordsQuery.KindOf(query.Span) == RecordsQueryKind.Changes))
        {
            Refuse(pending, "only a space that keeps the last write has serial reads and watches");
            return;
        }

        if (consistency.Serial != SerialLevel.None)
        {
            requests.Conditional.TakeRead(pending, shard, now);
            return;
        }

        if (RecordsQuery.TryReadChanges(query, out var changes))
        {
            TakeWatch(pending, shard, changes, now);
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
