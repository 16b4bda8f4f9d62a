using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;

namespace Atoll.Fuzz.Targets;

/// <summary>Payloads of log entries, one after the other (<see cref="Parts"/>), applied to two replicas of a shard of records.</summary>
public sealed class LogEntryTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "log-entry";

    /// <inheritdoc />
    public string About => "CommandEnvelope and ReplicatedState: any entry is answered, two replicas stay equal, a snapshot holds all";

    /// <inheritdoc />
    public AllocationBound Allocation => new(256, 4 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [.. Samples()];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var options = new RequestTableOptions();
        var (one, two) = (new ReplicatedState(new RecordsStateMachine(), options), new ReplicatedState(new RecordsStateMachine(), options));
        var (first, second) = (new WireWriter(), new WireWriter());
        var outcome = "nothing";
        var applied = 0;
        foreach (var payload in Parts.Read(input))
        {
            RecodeEnvelope(payload);
            var entry = new LogEntry(one.AppliedIndex.Next, new Term(1), EntryKind.Command, payload);
            first.Reset();
            second.Reset();
            var status = one.Apply(entry, first);
            BrokenPromiseException.Unless(two.Apply(entry, second) == status, "two replicas end an entry in the same way");
            BrokenPromiseException.Unless(first.Written.SequenceEqual(second.Written), "two replicas answer the same");
            BrokenPromiseException.Unless(
                status != ApplyStatus.Applied || RecordsResultCodec.TryReadWrite(first.WrittenMemory, out _),
                "an applied entry has a result");
            applied += status is ApplyStatus.Applied or ApplyStatus.Repeated ? 1 : 0;
            outcome = $"{status} {(first.Length > 0 ? RecordsResultCodec.StatusOf(first.Written) : "")}";
        }

        BrokenPromiseException.Unless(one.StateHash() == two.StateHash(), "two replicas hold the same");
        if (one.AppliedIndex != LogIndex.Zero)
        {
            var restored = StateSnapshotTarget.Restore(new ReplicatedState(new RecordsStateMachine(), options), one);
            BrokenPromiseException.Unless(restored.StateHash() == one.StateHash(), "a snapshot restores all of the state");
        }

        return applied > 0 ? Verdict.Accepted(outcome) : Verdict.Refused(outcome);
    }

    private static IEnumerable<byte[]> Samples()
    {
        var commands = RecordsCommandTarget.Samples().ToArray();
        yield return Parts.Of(commands.Select((command, i) => Enveloped(command, default, i)));
        yield return Parts.Of(commands.SelectMany((command, i) =>
        {
            var identity = new RequestIdentity(7, (ulong)i + 1, (ulong)i, new HybridTime((ulong)i + 1));
            return new[] { Enveloped(command, identity, i), Enveloped(command, identity, i + 1) };
        }));
    }

    private static Action<WireWriter> Enveloped(byte[] command, RequestIdentity identity, int at) => writer =>
    {
        CommandEnvelope.WriteHeader(writer, HybridTime.FromUnixMilliseconds(1_000 * at), identity);
        writer.WriteRaw(command);
    };

    private static void RecodeEnvelope(ReadOnlyMemory<byte> payload)
    {
        if (CommandEnvelope.TryRead(payload, out var envelope))
        {
            var again = CommandEnvelope.Encode(envelope.Stamp, envelope.Identity, envelope.Command.Span, new WireWriter());
            BrokenPromiseException.Unless(
                CommandEnvelope.TryRead(again, out var same) && same.Stamp == envelope.Stamp && same.Identity == envelope.Identity
                && same.Command.Span.SequenceEqual(envelope.Command.Span),
                "an envelope is encoded as what it was decoded to");
        }
    }
}
