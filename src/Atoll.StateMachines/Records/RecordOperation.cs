using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>What an operation does.</summary>
public enum RecordOperationKind : byte
{
    /// <summary>Writes a value, over what is there.</summary>
    Put = 1,

    /// <summary>Removes a record.</summary>
    Delete = 2,

    /// <summary>Writes nothing; only has a condition.</summary>
    Check = 3,
}

/// <summary>One operation on one key, alone or in a batch.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">The key; not empty.</param>
/// <param name="Value">The value of a put; else empty.</param>
/// <param name="Expected">
/// The version that the record must have before the command, <see cref="HybridTime.Zero"/> for "must not exist"; null for no condition.
/// A check has one always.
/// </param>
/// <param name="TimeToLiveMilliseconds">For a put: how long the record lives in the state's time; 0 for ever.</param>
public readonly record struct RecordOperation(
    RecordOperationKind Kind,
    ReadOnlyMemory<byte> Key,
    ReadOnlyMemory<byte> Value,
    HybridTime? Expected,
    long TimeToLiveMilliseconds)
{
    /// <summary>Writes a value.</summary>
    public static RecordOperation Put(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, HybridTime? expected = null, long timeToLiveMilliseconds = 0) =>
        new(RecordOperationKind.Put, key, value, expected, timeToLiveMilliseconds);

    /// <summary>Removes a record.</summary>
    public static RecordOperation Delete(ReadOnlyMemory<byte> key, HybridTime? expected = null) =>
        new(RecordOperationKind.Delete, key, default, expected, 0);

    /// <summary>Demands a version (or, with zero, that there is no record).</summary>
    public static RecordOperation Check(ReadOnlyMemory<byte> key, HybridTime expected) =>
        new(RecordOperationKind.Check, key, default, expected, 0);
}
