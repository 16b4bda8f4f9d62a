using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The commands of the records machine: written by clients and services, checked by <see cref="Validate"/> before they are proposed, read
/// by
/// <see cref="RecordsCommandReader"/>. Layout: kind (byte), which is all of an advance; for a batch or an expiry the number of operations
/// (varint); then each operation as kind
/// (byte), flags (byte), key (bytes), expected version (8 bytes, if flagged), time to live in milliseconds (varint, if flagged), value
/// (bytes, if a put).
/// </summary>
public static class RecordsCommand
{
    /// <summary>Writes a value under a key, whatever is there.</summary>
    public static void WritePut(WireWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long timeToLiveMilliseconds = 0)
    {
        writer.WriteByte((byte)RecordsCommandKind.Single);
        WriteHead(writer, RecordOperationKind.Put, key, null, timeToLiveMilliseconds);
        writer.WriteBytes(value);
    }

    /// <summary>Removes a record, whatever its version.</summary>
    public static void WriteDelete(WireWriter writer, ReadOnlySpan<byte> key)
    {
        writer.WriteByte((byte)RecordsCommandKind.Single);
        WriteHead(writer, RecordOperationKind.Delete, key, null, 0);
    }

    /// <summary>Writes a value if the record has the expected version; with zero, if there is no record.</summary>
    public static void WriteCompareAndSet(
        WireWriter writer, ReadOnlySpan<byte> key, HybridTime expected, ReadOnlySpan<byte> value, long timeToLiveMilliseconds = 0)
    {
        writer.WriteByte((byte)RecordsCommandKind.Single);
        WriteHead(writer, RecordOperationKind.Put, key, expected, timeToLiveMilliseconds);
        writer.WriteBytes(value);
    }

    /// <summary>Removes a record if it has the expected version.</summary>
    public static void WriteCompareAndDelete(WireWriter writer, ReadOnlySpan<byte> key, HybridTime expected)
    {
        writer.WriteByte((byte)RecordsCommandKind.Single);
        WriteHead(writer, RecordOperationKind.Delete, key, expected, 0);
    }

    /// <summary>One operation as a command of its own.</summary>
    public static void WriteSingle(WireWriter writer, in RecordOperation operation)
    {
        writer.WriteByte((byte)RecordsCommandKind.Single);
        WriteOperation(writer, operation);
    }

    /// <summary>
    /// Operations that happen all or not at all. Conditions look at the records as they were before the batch; then the operations happen
    /// in order, so that of two on one key the later wins. All their changes have one version.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="operations">1 to <see cref="Limits.BatchOperationsMax"/> operations, all keys of one shard.</param>
    public static void WriteBatch(WireWriter writer, ReadOnlySpan<RecordOperation> operations)
    {
        writer.WriteByte((byte)RecordsCommandKind.Batch);
        writer.WriteVarint((ulong)operations.Length);
        foreach (ref readonly var operation in operations)
        {
            WriteOperation(writer, operation);
        }
    }

    /// <summary>
    /// Removes records whose time has come and that still have the versions with which the leader found them. Clients have no use for it,
    /// and <see cref="Validate"/> refuses it.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="expired">At most <see cref="Limits.ExpiredPerCommandMax"/> deletes with expected versions.</param>
    public static void WriteExpire(WireWriter writer, ReadOnlySpan<RecordOperation> expired)
    {
        writer.WriteByte((byte)RecordsCommandKind.Expire);
        writer.WriteVarint((ulong)expired.Length);
        foreach (ref readonly var operation in expired)
        {
            WriteOperation(writer, operation);
        }
    }

    /// <summary>
    /// Writes nothing, and answers the state's time: whatever is written later, under whichever leader, has a version above it.
    /// </summary>
    public static void WriteAdvance(WireWriter writer) => writer.WriteByte((byte)RecordsCommandKind.Advance);

    /// <summary>Reads a whole command into objects: for tools and tests; the machine reads without allocating.</summary>
    /// <param name="command">The bytes.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="operations">The operations, their keys and values being slices of the command; empty for an expiry.</param>
    /// <returns>False when the bytes are not a command.</returns>
    public static bool TryParse(ReadOnlyMemory<byte> command, out RecordsCommandKind kind, out RecordOperation[] operations)
    {
        var reader = new RecordsCommandReader(command);
        kind = reader.Kind;
        var parsed = new List<RecordOperation>();
        while (reader.TryNext(out var operation))
        {
            parsed.Add(operation);
        }

        operations = reader.IsComplete ? [.. parsed] : [];
        return reader.IsComplete;
    }

    /// <summary>
    /// Checks a client's command before it is proposed: that it is one, keeps the bounds, and that all its keys belong to the shard.
    /// </summary>
    /// <param name="command">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest key hash (<see cref="StableHash"/>) of the shard.</param>
    /// <param name="hashHigh">The highest key hash of the shard, included.</param>
    /// <param name="limits">The operator's bounds.</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        Check.That(limits.KeyBytesMax <= Limits.KeyBytesMax && limits.ValueBytesMax <= Limits.ValueBytesMax);
        if (command.Length > Limits.EntryBytesMax - Requests.CommandEnvelope.HeaderBytesMax)
        {
            return CommandFault.TooLarge($"the command has {command.Length} bytes, more than the {Limits.EntryBytesMax} of one log entry");
        }

        var reader = new RecordsCommandReader(command);
        if (reader.Kind == RecordsCommandKind.Expire)
        {
            return CommandFault.Invalid("expiry is the system's own command");
        }

        while (reader.TryNext(out var operation))
        {
            if (operation.Key.Length > limits.KeyBytesMax)
            {
                return CommandFault.TooLarge($"the key has {operation.Key.Length} bytes, the limit is {limits.KeyBytesMax}");
            }

            if (operation.Value.Length > limits.ValueBytesMax)
            {
                return CommandFault.TooLarge($"the value has {operation.Value.Length} bytes, the limit is {limits.ValueBytesMax}");
            }

            var hash = StableHash.Compute(operation.Key.Span);
            if (hash < hashLow || hash > hashHigh)
            {
                return CommandFault.WrongShard("a key of the command belongs to another shard");
            }
        }

        return reader.IsComplete ? CommandFault.None : CommandFault.Invalid("the bytes are not a records command");
    }

    /// <summary>Whether a command writes any value; one that only deletes, checks or moves time on does not.</summary>
    /// <param name="command">The bytes of a sound command.</param>
    public static bool Writes(ReadOnlyMemory<byte> command)
    {
        var reader = new RecordsCommandReader(command);
        while (reader.TryNext(out var operation))
        {
            if (operation.Kind == RecordOperationKind.Put)
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteOperation(WireWriter writer, in RecordOperation operation)
    {
        WriteHead(writer, operation.Kind, operation.Key.Span, operation.Expected, operation.TimeToLiveMilliseconds);
        if (operation.Kind == RecordOperationKind.Put)
        {
            writer.WriteBytes(operation.Value.Span);
        }
    }

    private static void WriteHead(
        WireWriter writer, RecordOperationKind kind, ReadOnlySpan<byte> key, HybridTime? expected, long timeToLiveMilliseconds)
    {
        writer.WriteByte((byte)kind);
        writer.WriteByte((byte)((expected is null ? 0 : RecordsCommandReader.HasExpected)
            | (timeToLiveMilliseconds == 0 ? 0 : RecordsCommandReader.HasTimeToLive)));
        writer.WriteBytes(key);
        if (expected is { } version)
        {
            writer.WriteUInt64(version.Value);
        }

        if (timeToLiveMilliseconds != 0)
        {
            writer.WriteVarint((ulong)timeToLiveMilliseconds);
        }
    }
}
