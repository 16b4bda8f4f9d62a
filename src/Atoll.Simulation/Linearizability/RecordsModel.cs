using System.Numerics;

namespace Atoll.Simulation.Linearizability;

/// <summary>What one key holds in the model.</summary>
/// <param name="Value">The number that stands for the value; 0 for no record.</param>
/// <param name="Version">The record's version; while not exact, a version that the true one is above.</param>
/// <param name="IsExact">False after a write whose version nobody was told.</param>
internal readonly record struct ModelRecord(long Value, ulong Version, bool IsExact)
{
    public static readonly ModelRecord None = new(0, 0, true);

    public bool Exists => Value != 0;

    // Whether the record may have that version, as far as is known.
    public bool MayBe(ulong version) => !Exists ? version == 0 : IsExact ? Version == version : version > Version;
}

/// <summary>
/// The sequential specification of records (get, put, delete, conditions on versions, batches): which outcomes an operation may have in a
/// state, and the state after it. A state is immutable.
/// </summary>
internal sealed class ModelState(ModelRecord[] records, ulong lastVersion)
{
    public ModelRecord this[int key] => records[key];

    // Versions grow from write to write over all keys of a partition.
    public ulong LastVersion => lastVersion;

    public ulong Hash
    {
        get
        {
            var hash = lastVersion * 0x9E3779B185EBCA87;
            foreach (var record in records)
            {
                hash = BitOperations.RotateLeft(hash ^ ((ulong)record.Value * 0xC2B2AE3D27D4EB4F), 31) * 0x165667B19E3779F9;
                hash = BitOperations.RotateLeft(hash ^ (record.Version + (record.IsExact ? 1UL : 0)), 27) * 0x85EBCA77C2B2AE63;
            }

            return hash ^ (hash >> 29);
        }
    }

    public static ModelState Empty(int keys) => new([.. Enumerable.Repeat(ModelRecord.None, keys)], 0);

    /// <summary>The state after the operation, or null when its outcome is impossible here.</summary>
    public ModelState? After(ModelOperation operation) => operation.Outcome switch
    {
        OperationOutcome.Conflict => AfterConflict(operation),
        OperationOutcome.NotFound when !operation.IsRead => AfterNotFound(operation),
        _ when operation.IsRead => AfterRead(operation),
        _ => AfterWrite(operation),
    };

    private ModelState? AfterRead(ModelOperation operation)
    {
        ModelRecord[]? pinned = null;
        for (var i = 0; i < operation.Steps.Length; i++)
        {
            var key = operation.Steps[i].Key;
            var seen = operation.Observations[i];
            var record = (pinned ?? records)[key];
            if (record.Value != seen.Value || (seen.Version != 0 && !record.MayBe(seen.Version)))
            {
                return null;
            }

            if (record.Exists && !record.IsExact && seen.Version != 0)
            {
                pinned ??= (ModelRecord[])records.Clone();
                pinned[key] = record with { Version = seen.Version, IsExact = true };
            }
        }

        return pinned is null ? this : new ModelState(pinned, lastVersion);
    }

    private ModelState? AfterNotFound(ModelOperation operation) =>
        operation.Steps.All(step => !records[step.Key].Exists) ? this : null;

    private ModelState? AfterConflict(ModelOperation operation)
    {
        var failed = operation.Steps[operation.FailedStep];
        var record = records[failed.Key];
        var mustFail = failed.ExpectedValue is { } value
            ? record.Value != value
            : failed.Expected is { } expected && !(record.MayBe(expected) && (record.IsExact || !record.Exists));
        var isAsFound = (operation.Version == 0 || record.MayBe(operation.Version))
            && (operation.Source.FoundValue is not { } found || record.Value == found);
        return mustFail && isAsFound ? this : null;
    }

    private ModelState? AfterWrite(ModelOperation operation)
    {
        if (operation.Version != 0 && operation.Version <= lastVersion)
        {
            return null;
        }

        foreach (var step in operation.Steps)
        {
            if (step.Expected is { } expected && !records[step.Key].MayBe(expected))
            {
                return null;
            }

            if (step.ExpectedValue is { } value && records[step.Key].Value != value)
            {
                return null;
            }

            if (step.MustExist && operation.Outcome == OperationOutcome.Ok && !records[step.Key].Exists)
            {
                return null;
            }
        }

        var written = (ModelRecord[])records.Clone();
        foreach (var step in operation.Steps)
        {
            written[step.Key] = step.Kind is StepKind.Delete or StepKind.BlindDelete
                ? ModelRecord.None
                : new ModelRecord(step.Value, operation.Version != 0 ? operation.Version : lastVersion, operation.Version != 0);
        }

        return new ModelState(written, Math.Max(lastVersion, operation.Version));
    }
}

/// <summary>A step with its key as a position in the partition's states.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Key">The key's position.</param>
/// <param name="Value">Put: the value's number.</param>
/// <param name="Expected">The condition, or null.</param>
/// <param name="ExpectedValue">The condition on the value, or null.</param>
/// <param name="MustExist">A delete alone, which answers "not found" when there is nothing.</param>
internal readonly record struct ModelStep(
    StepKind Kind, int Key, long Value, ulong? Expected, long? ExpectedValue, bool MustExist);

/// <summary>An operation as the search sees it.</summary>
internal sealed class ModelOperation
{
    public required Operation Source { get; init; }

    public required ModelStep[] Steps { get; init; }

    public required OperationOutcome Outcome { get; init; }

    public required ulong Version { get; init; }

    public required long Returned { get; init; }

    public long Invoked => Source.Invoked;

    public int FailedStep => Source.FailedStep;

    public bool IsRead => Steps[0].Kind == StepKind.Get;

    public IReadOnlyList<Observation> Observations => Source.Observations;
}
