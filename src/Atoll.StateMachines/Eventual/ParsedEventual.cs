using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>A command taken apart, with the keys of the records that applying it reads and writes.</summary>
internal sealed class ParsedEventual
{
    private ParsedEventual(ReadOnlyMemory<byte> bytes) => Bytes = bytes;

    /// <summary>The command.</summary>
    internal ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The step, if it is one.</summary>
    internal EventualChange? Change { get; private init; }

    /// <summary>What the step's version says.</summary>
    internal VersionContents Version { get; private init; } = new();

    /// <summary>The update of counters, if it is one.</summary>
    internal CounterIncrement? Increment { get; private init; }

    /// <summary>The write of a record that keeps siblings, if it is one.</summary>
    internal SiblingPut? Sibling { get; private init; }

    /// <summary>The addition to a record that is a counter, if it is one.</summary>
    internal RecordAddition? Addition { get; private init; }

    /// <summary>The records that something dead was found in, if it removes that.</summary>
    internal IReadOnlyList<ExpiredRow>? Expired { get; private init; }

    /// <summary>The records that it reads and writes, some perhaps twice.</summary>
    internal List<ReadOnlyMemory<byte>> Keys { get; } = [];

    /// <summary>The partitions of its rows, some perhaps twice: it needs them where anything was deleted of a partition.</summary>
    internal IEnumerable<ReadOnlyMemory<byte>> PartitionsAround => Keys
        .Where(static key => RowKey.KindOf(key.Span) != RowKeyKind.Partition && !RowKey.IsOfRecord(key.Span))
        .Select(static key => (ReadOnlyMemory<byte>)RowKey.PartitionOf(key.Span));

    /// <summary>Whether it may itself change what was deleted of a partition.</summary>
    internal bool HasPartitions => Keys.Exists(static key => RowKey.KindOf(key.Span) == RowKeyKind.Partition);

    /// <summary>Takes a command apart; nothing is in it when the bytes are none of this shard.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="checkedBefore">The same command, taken apart; null when it was not.</param>
    internal static ParsedEventual Of(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, ParsedEventual? checkedBefore = null)
    {
        var parsed = checkedBefore ?? Read(command);
        foreach (var key in parsed.Keys)
        {
            if (RowKey.HashOf(key.Span) is var hash && (hash < hashLow || hash > hashHigh))
            {
                return new ParsedEventual(command);
            }
        }

        return parsed;
    }

    /// <summary>Whether this is the same command, by where its bytes are.</summary>
    internal bool IsOf(ReadOnlyMemory<byte> command) => !command.IsEmpty && Bytes.Equals(command);

    /// <summary>Takes a step apart; false when the bytes are none, or its version is none that may be merged.</summary>
    internal static bool TryReadChange(ReadOnlyMemory<byte> command, out ParsedEventual step)
    {
        if (!EventualCommand.TryRead(command, out var change)
            || !VersionContents.TryRead(change.Version, out var version, checksValues: true) || !version.IsComplete)
        {
            step = new ParsedEventual(command);
            return false;
        }

        step = new ParsedEventual(command) { Change = change, Version = version };
        foreach (var record in version.Records)
        {
            step.Keys.Add(record.Key);
        }

        return true;
    }

    private static ParsedEventual Read(ReadOnlyMemory<byte> command)
    {
        if (EventualCommand.KindOf(command.Span) == EventualCommandKind.Change)
        {
            _ = TryReadChange(command, out var step);
            return step;
        }

        if (EventualCommand.TryReadIncrement(command, out var increment))
        {
            var update = new ParsedEventual(command) { Increment = increment };
            foreach (var partition in increment.Mutation.Partitions)
            {
                update.Keys.Add(RowKey.OfPartition(partition.Token, partition.Key.Span));
                foreach (var operation in partition.Operations)
                {
                    if (operation.Kind is RowOperationKind.Upsert or RowOperationKind.DeleteRow)
                    {
                        update.Keys.Add(ParsedCommand.KeyOf(partition, operation.IsStatic, operation.Clustering));
                    }
                }
            }

            return update;
        }

        if (SiblingPut.TryRead(command, out var put))
        {
            var write = new ParsedEventual(command) { Sibling = put };
            write.Keys.Add(RowKey.OfRecord(put.Key.Span));
            return write;
        }

        if (RecordAddition.TryRead(command, out var addition))
        {
            var write = new ParsedEventual(command) { Addition = addition };
            write.Keys.Add(RowKey.OfRecord(addition.Key.Span));
            return write;
        }

        if (RowsCommand.TryReadExpire(command, out var expired))
        {
            var expiry = new ParsedEventual(command) { Expired = expired };
            foreach (var row in expired)
            {
                expiry.Keys.Add(row.Key);
            }

            return expiry;
        }

        return new ParsedEventual(command);
    }
}
