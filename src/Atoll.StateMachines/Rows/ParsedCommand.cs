namespace Atoll.StateMachines.Rows;

/// <summary>A command taken apart, with the keys of the records that applying it reads and writes.</summary>
internal sealed class ParsedCommand
{
    private ParsedCommand(ReadOnlyMemory<byte> bytes) => Bytes = bytes;

    /// <summary>The command.</summary>
    internal ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What it is; none of the kinds for bytes that are no command.</summary>
    internal RowsCommandKind Kind { get; private init; }

    /// <summary>The mutation, if it is one.</summary>
    internal RowsMutation? Mutation { get; private init; }

    /// <summary>The records of an expiry, if it is one.</summary>
    internal IReadOnlyList<ExpiredRow> Expired { get; private init; } = [];

    /// <summary>The records that it needs, some perhaps twice.</summary>
    internal List<ReadOnlyMemory<byte>> Keys { get; } = [];

    internal static ParsedCommand Of(ReadOnlyMemory<byte> command)
    {
        switch (RowsCommand.KindOf(command.Span))
        {
            case RowsCommandKind.Mutate when RowsCommand.TryReadMutate(command, out var mutation):
                var parsed = new ParsedCommand(command) { Kind = RowsCommandKind.Mutate, Mutation = mutation };
                parsed.AddKeysOf(mutation);
                return parsed;
            case RowsCommandKind.Truncate when command.Length == 1:
                return new ParsedCommand(command) { Kind = RowsCommandKind.Truncate };
            case RowsCommandKind.Expire when RowsCommand.TryReadExpire(command, out var expired):
                var expiry = new ParsedCommand(command) { Kind = RowsCommandKind.Expire, Expired = expired };
                foreach (var row in expired)
                {
                    expiry.Keys.Add(row.Key);
                    expiry.Keys.Add(RowKey.PartitionOf(row.Key.Span));
                }

                return expiry;
            default:
                return new ParsedCommand(command);
        }
    }

    /// <summary>Whether this is the same command, by where its bytes are.</summary>
    internal bool IsOf(ReadOnlyMemory<byte> command) => !command.IsEmpty && Bytes.Equals(command);

    internal static byte[] KeyOf(PartitionMutation partition, bool isStatic, ReadOnlyMemory<byte> clustering) => isStatic
        ? RowKey.OfStatic(partition.Token, partition.Key.Span)
        : RowKey.OfRow(partition.Token, partition.Key.Span, clustering.Span);

    private void AddKeysOf(RowsMutation mutation)
    {
        foreach (var partition in mutation.Partitions)
        {
            Keys.Add(RowKey.OfPartition(partition.Token, partition.Key.Span));
            foreach (var operation in partition.Operations)
            {
                if (operation.Kind is RowOperationKind.Upsert or RowOperationKind.DeleteRow)
                {
                    Keys.Add(KeyOf(partition, operation.IsStatic, operation.Clustering));
                }
            }
        }

        foreach (var condition in mutation.Conditions)
        {
            // The static row too: it is part of the answer when the condition does not hold.
            var partition = mutation.Partitions[condition.Partition];
            Keys.Add(KeyOf(partition, isStatic: true, default));
            if (!condition.IsStatic)
            {
                Keys.Add(KeyOf(partition, isStatic: false, condition.Clustering));
            }
        }
    }
}
