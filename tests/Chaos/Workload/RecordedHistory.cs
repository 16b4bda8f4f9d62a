using System.Diagnostics;
using System.Globalization;
using System.Text;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Simulation.Linearizability;

namespace Atoll.Chaos.Tests.Workload;

/// <summary>
/// A history that many tasks write to at once. Its lock makes the order of invocations and returns the real one, or a weaker one.
/// </summary>
internal sealed class RecordedHistory
{
    private readonly Lock _lock = new();
    private readonly History _history = new();
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private readonly SortedDictionary<string, int> _errors = new(StringComparer.Ordinal);
    private long _values;

    /// <summary>The history, once nobody writes to it any more.</summary>
    public History History => _history;

    /// <summary>Errors that calls ended with, by code.</summary>
    public IReadOnlyDictionary<string, int> Errors => _errors;

    /// <summary>How many operations ended like that.</summary>
    public int Count(Func<Operation, bool> which) => _history.Operations.Count(which);

    /// <summary>A value that nobody else writes.</summary>
    public long NextValue() => Interlocked.Increment(ref _values);

    /// <summary>A value as bytes.</summary>
    public static byte[] Encode(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Bytes as a value.</summary>
    public static long Decode(ReadOnlySpan<byte> bytes) => long.Parse(bytes, CultureInfo.InvariantCulture);

    /// <summary>Does a read, and records it; what it saw, or null when it failed.</summary>
    public async Task<Observation?> ReadAsync(int client, string key, Func<ValueTask<Record?>> read)
    {
        var operation = Invoke(client, new Step(StepKind.Get, key));
        try
        {
            var record = await read();
            var seen = record is { } found ? new Observation(Decode(found.Value.Span), found.Version.Value) : new Observation(0);
            lock (_lock)
            {
                _history.ReturnRead(operation, Now, seen);
            }

            return seen;
        }
        catch (AtollException error)
        {
            Failed(operation, error);
            return null;
        }
    }

    /// <summary>Does a write, and records it; true when it was done.</summary>
    public async Task<OperationOutcome> WriteAsync(int client, Step step, Func<Task<(OperationOutcome Outcome, ulong Version)>> write)
    {
        var operation = Invoke(client, step);
        try
        {
            var (outcome, version) = await write();
            lock (_lock)
            {
                _history.Return(operation, Now, outcome, version);
            }

            return outcome;
        }
        catch (AtollException error)
        {
            Failed(operation, error);
            return OperationOutcome.Unknown;
        }
    }

    private Instant Now => new((long)Stopwatch.GetElapsedTime(_startedAt).TotalNanoseconds);

    private Operation Invoke(int client, Step step)
    {
        lock (_lock)
        {
            return _history.Invoke(client, Now, step);
        }
    }

    // Only what promises to have had no effect counts as refused. Whatever else went wrong, the write may have taken effect.
    private void Failed(Operation operation, AtollException error)
    {
        lock (_lock)
        {
            _errors[error.Code.ToString()] = _errors.GetValueOrDefault(error.Code.ToString()) + 1;
            _history.Return(operation, Now, error.IsRetryable ? OperationOutcome.Refused : OperationOutcome.Unknown);
        }
    }
}
