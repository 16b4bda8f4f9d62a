using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands, queries and snapshots of a machine whose state is in memory: the input is all of them.</summary>
/// <typeparam name="TMachine">The machine.</typeparam>
public abstract class MemoryMachineTarget<TMachine> : IFuzzTarget
    where TMachine : IStateMachine, new()
{
    private static readonly HybridTime RestoredAt = new(9UL << 20);

    /// <inheritdoc />
    public abstract string Name { get; }

    /// <inheritdoc />
    public abstract string About { get; }

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>What was applied before the input.</summary>
    protected abstract IReadOnlyList<byte[]> Before { get; }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var machine = After(Before);
        var restored = new TMachine();
        var target = restored.BeginRestore(RestoredAt, null);
        BrokenPromiseException.Unless(target.Accept(SnapshotOf(machine)) && target.Complete(), "a snapshot is taken over");
        target.Install();

        var index = (ulong)Before.Count + 1;
        var result = Apply(machine, index, input);
        BrokenPromiseException.Unless(result.SequenceEqual(Apply(restored, index, input)), "replicas give the same result");
        BrokenPromiseException.Unless(machine.StateHash() == restored.StateHash(), "replicas stay equal");
        BrokenPromiseException.Unless(IsResult(result), "a command has a result");
        ReadAsEverything(input);

        var answer = new WireWriter();
        BrokenPromiseException.Unless(machine.TryRead(input, new HybridTime(index << 20), answer), "every query is answered");
        BrokenPromiseException.Unless(IsAnswer(input, answer.WrittenMemory), "an answer can be read");
        var garbled = new TMachine().BeginRestore(RestoredAt, null);
        return garbled.Accept(input) && garbled.Complete() ? Verdict.Accepted("snapshot")
            : QueryIn(input, answer.Written[0]) is { } query ? Verdict.Accepted(query)
            : CommandIn(input, result[0]) is { } command ? Verdict.Accepted(command)
            : Verdict.Refused("Invalid");
    }

    /// <summary>Bytes that something is written to.</summary>
    protected static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }

    /// <summary>The snapshot of a machine that has applied some commands.</summary>
    protected static byte[] SnapshotAfter(params IReadOnlyList<byte[]> commands) => SnapshotOf(After(commands));

    /// <summary>Whether bytes are a result of a command.</summary>
    protected abstract bool IsResult(ReadOnlyMemory<byte> bytes);

    /// <summary>Whether bytes are an answer to a query, which may be none.</summary>
    protected abstract bool IsAnswer(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> bytes);

    /// <summary>Reads bytes as whatever is read from bytes that came from elsewhere: nothing but an answer may come of it.</summary>
    protected abstract void ReadAsEverything(ReadOnlyMemory<byte> bytes);

    /// <summary>What a query was, for the report; null when its answer says that it was none.</summary>
    protected abstract string? QueryIn(ReadOnlyMemory<byte> input, byte status);

    /// <summary>What a command was, and came to, for the report; null when its result says that it was none.</summary>
    protected abstract string? CommandIn(ReadOnlyMemory<byte> input, byte status);

    private static TMachine After(IReadOnlyList<byte[]> commands)
    {
        var machine = new TMachine();
        for (var i = 0; i < commands.Count; i++)
        {
            Apply(machine, (ulong)i + 1, commands[i]);
        }

        return machine;
    }

    private static byte[] SnapshotOf(TMachine machine)
    {
        using var source = machine.BeginSnapshot();
        return Bytes(writer =>
        {
            while (source.TryNext(writer))
            {
                // All of it is small.
            }
        });
    }

    private static byte[] Apply(TMachine machine, ulong index, ReadOnlyMemory<byte> command) => Bytes(writer =>
        machine.Apply(new CommandContext(new HybridTime(index << 20), new LogIndex(index), new Term(1)), command, writer));
}
