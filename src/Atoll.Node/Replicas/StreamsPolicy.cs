using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Streams;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>Partitions of streams: what they hold stays in the log, and answers are put together from it.</summary>
internal sealed class StreamsPolicy(Sabotage sabotage) : IShardPolicy
{
    public bool IsStored => true;

    public IStateMachine NewMachine(IStateTree? tree)
    {
        Check.That(tree is not null);
        return new PartitionStateMachine(tree) { Sabotage = sabotage };
    }

    // No command says which shard it is for: it is the sender who names it.
    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => shard is null
        ? ShardRefusal.RangeUnknown
        : ShardRefusal.Of(PartitionCommand.Validate(command), shard.Id);

    public bool TakesSpace(ReadOnlyMemory<byte> command) => PartitionCommand.KindOf(command.Span) is
        PartitionCommandKind.Append or PartitionCommandKind.Replace;

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        PartitionQuery.KindOf(query.Span) == PartitionQueryKind.Fetch && FetchPlaces.TryRead(answer) is
            { Status: PartitionStatus.Ok, Batches.Count: 0 };

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine) => machine is PartitionStateMachine partition
        ? (partition.NextOffset - partition.LogStart, partition.Bytes) : (0, 0);

    public IReadOnlyList<LogIndex>? EntriesOf(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        PartitionQuery.KindOf(query.Span) == PartitionQueryKind.Fetch && FetchPlaces.TryRead(answer) is { } places
            ? [.. places.Batches.Select(static place => place.Index)]
            : null;

    public byte[]? Complete(ReadOnlyMemory<byte> answer, IReadOnlyList<LogEntry> entries)
    {
        var places = FetchPlaces.TryRead(answer);
        Check.That(places is not null && places.Batches.Count == entries.Count);
        var head = new WireWriter(answer.Length + 16);
        head.WriteBytes(answer.Span);
        var body = GC.AllocateUninitializedArray<byte>(checked(head.Length + places.Batches.Sum(static place => place.Bytes)));
        head.Written.CopyTo(body);
        var left = body.AsSpan(head.Length);
        for (var i = 0; i < entries.Count; i++)
        {
            var place = places.Batches[i];
            if (!CommandEnvelope.TryRead(entries[i].Payload, out var envelope)
                || PartitionCommand.BatchOf(envelope.Command) is var batch && batch.Length != place.Bytes)
            {
                return null;
            }

            batch.Span.CopyTo(left);
            RecordBatchHeader.Place(left, place.BaseOffset, place.LeaderEpoch);
            left = left[place.Bytes..];
        }

        return body;
    }
}
