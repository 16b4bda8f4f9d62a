using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.StateMachines.Tests.Records;

/// <summary>
/// Bytes allocated by an operation are a gate: they are the same on a noisy machine, and they are what a collector has to work for.
/// </summary>
public sealed class AllocationTests
{
    private const int Operations = 20_000;
    private const int KeyBytes = 16;
    private const int ValueBytes = 256;
    private const int ArrayHeaderBytes = 24;

    private readonly ReplicatedState _state = new(new RecordsStateMachine(), new RequestTableOptions());
    private readonly WireWriter _result = new();
    private readonly WireWriter _writer = new();

    [Fact]
    public void Overwriting_a_record_allocates_its_key_and_value_and_nothing_else()
    {
        var entries = Enumerable.Range(1, Operations * 2).Select(i => Entry((ulong)i)).ToArray();
        Apply(entries.AsSpan(0, Operations));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Apply(entries.AsSpan(Operations));
        var perOperation = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Operations;
        Assert.InRange(perOperation, ValueBytes, KeyBytes + ValueBytes + (2 * ArrayHeaderBytes) + 4);
    }

    [Fact]
    public void A_get_allocates_nothing()
    {
        Apply(Enumerable.Range(1, 1_000).Select(i => Entry((ulong)i)).ToArray());
        _writer.Reset();
        RecordsQuery.WriteGet(_writer, Key(7));
        var query = _writer.ToArray();
        Read(query);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Read(query);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
        Assert.Equal(RecordsStatus.Ok, RecordsResultCodec.StatusOf(_result.Written));
    }

    private void Read(ReadOnlyMemory<byte> query)
    {
        for (var i = 0; i < Operations; i++)
        {
            _result.Reset();
            _state.TryRead(query, _result);
        }
    }

    private void Apply(ReadOnlySpan<LogEntry> entries)
    {
        foreach (ref readonly var entry in entries)
        {
            _result.Reset();
            Assert.True(_state.Apply(entry, _result) == ApplyStatus.Applied);
        }
    }

    private LogEntry Entry(ulong index)
    {
        _writer.Reset();
        RecordsCommand.WritePut(_writer, Key(index % 1_000), new byte[ValueBytes]);
        var stamp = HybridTime.FromUnixMilliseconds(1_000);
        var sequence = 1 + (index / 64);
        var identity = new RequestIdentity(1 + (index % 64), sequence, Math.Max(1, sequence - 1), stamp);
        var payload = CommandEnvelope.Encode(stamp, identity, _writer.Written, new WireWriter());
        return new LogEntry(new LogIndex(index), new Term(1), EntryKind.Command, payload);
    }

    private static byte[] Key(ulong number) => [.. new byte[KeyBytes - 8], .. BitConverter.GetBytes(number)];
}
