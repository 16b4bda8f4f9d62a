using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.Fuzz.Targets;

/// <summary>What the eventual rows machine is told and asked: by other replicas, and by its own log.</summary>
public sealed class EventualRowsTarget : CodecTarget
{
    private static readonly HybridTime Stamp = HybridTime.FromUnixMilliseconds(1_000);
    private static readonly RecordLimits Highest = new(Foundation.Limits.KeyBytesMax, Foundation.Limits.ValueBytesMax);
    private static readonly byte[] Known = RowsVersion.OfMutation(Operations(), 5_000, Stamp, new NodeId(3)).ToArray();

    private static readonly byte[] KnownRecords = RecordsVersion.OfOperations(
        [
            RecordOperation.Put("a"u8.ToArray(), "1"u8.ToArray()), RecordOperation.Put("b"u8.ToArray(), default, null, 9),
            RecordOperation.Delete("c"u8.ToArray()),
        ],
        5_000,
        Stamp).ToArray();

    private readonly Func<ReadOnlyMemory<byte>, WireWriter, string?> _recode;

    private EventualRowsTarget(
        string name, string about, IEnumerable<byte[]> seeds, Func<ReadOnlyMemory<byte>, WireWriter, string?> recode)
    {
        Name = name;
        About = about;
        Seeds = [.. seeds];
        _recode = recode;
    }

    /// <inheritdoc />
    public override string Name { get; }

    /// <inheritdoc />
    public override string About { get; }

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>All of them.</summary>
    public static IEnumerable<EventualRowsTarget> All() =>
    [
        new(
            "rows-version",
            "RowsVersion: what Validate passes is read, written, merged with itself to itself, made into pages and taken by a machine",
            Versions(),
            RecodeVersion),
        new(
            "eventual-command",
            "EventualCommand: what Validate passes can be applied; any bytes can, and give a result",
            Commands(),
            RecodeCommand),
        new("eventual-query", "EventualQuery: any bytes can be asked, and are answered", Queries(), RecodeQuery),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var kind = _recode(input, again);
        outcome = kind ?? $"refused {(input.IsEmpty ? 0 : Math.Min(input.Span[0], (byte)0x30))}";
        return kind is not null;
    }

    private static List<PartitionMutation> Operations() =>
    [
        new(
            5,
            new byte[] { 1 },
            [
                RowOperation.Upsert(
                    new byte[] { 2 }, [CellWrite.Put(1, new byte[] { 3 }, 9), CellWrite.Delete(2), CellWrite.Clear(4)], true) with
                {
                    MarkerTimeToLiveSeconds = 7,
                },
                RowOperation.Upsert(
                    new byte[] { 4 }, [CellWrite.Replace(4), CellWrite.Append(4, new byte[] { 1 }, new byte[] { 3 })]) with
                {
                    TimestampMicros = 9_000,
                },
                RowOperation.UpsertStatic([CellWrite.Put(5, new byte[] { 6 })]) with { TimestampMicros = 9_000 },
                RowOperation.DeleteRow(new byte[] { 7 }) with { TimestampMicros = 9_000 },
                RowOperation.DeleteRange(ClusteringRange.OfPrefix(new byte[] { 9 })),
            ]),
        new(6, new byte[] { 1, 2 }, [RowOperation.DeletePartition()]),
    ];

    private static CounterIncrement Increment() => new(
        RowsMutation.Of(new PartitionMutation(5, new byte[] { 1 }, [RowOperation.Upsert(new byte[] { 8 }, [CellWrite.Increment(3, -4)])])),
        5_000,
        Stamp,
        new CounterOrigin(new NodeId(1), 2),
        new CounterUpdateId(Stamp, 3, 4));

    private static SiblingPut Put(byte[] key) => new(
        key, CausalContext.Empty,
        new Sibling(
            new CounterOrigin(new NodeId(1), 2), HybridTime.Zero, new CounterUpdateId(Stamp, 3, 4), false, 9_000, new byte[] { 1, 2 }),
        Stamp, Stamp);

    private static IEnumerable<byte[]> Versions()
    {
        Apply(NewMachine(), Bytes(Put("s"u8.ToArray()).WriteTo), out var put);
        yield return put.Version.ToArray();
        var machine = NewMachine();
        Apply(machine, Bytes(w => EventualCommand.Write(w, new EventualChange { Version = Known })), out _);
        Apply(machine, Bytes(w => EventualCommand.WriteIncrement(w, Increment())), out _);
        yield return Known;
        yield return KnownRecords;
        foreach (var selection in (RowsSelection[])
            [RowsSelection.All, new() { RowsMax = 1 }, new() { RowsPerPartitionMax = 1 }, new() { RowsMax = 1, Reverse = true }])
        {
            var query = Bytes(w => RowsQuery.WritePartition(w, new PartitionRead(5, new byte[] { 1 }, selection)));
            var range = Bytes(w => RowsQuery.WriteTokenRange(w, new TokenRangeRead(0, 9, selection)));
            foreach (var read in selection.Reverse ? [query] : (byte[][])[query, range])
            {
                var answer = new WireWriter();
                machine.TryRead(Bytes(w => EventualQuery.WriteRaw(w, read, Stamp)), Stamp, answer);
                yield return answer.ToArray()[1..];
            }
        }
    }

    private static IEnumerable<byte[]> Commands()
    {
        yield return Bytes(w => EventualCommand.Write(w, new EventualChange { Version = Known, Horizon = new HybridTime(5) }));
        yield return Bytes(w => EventualCommand.Write(
            w, new EventualChange { Truncates = true, Notes = [new Note(new byte[] { 1 }, new byte[] { 2 }),
                new Note(new byte[] { 3 }, default)] }));
        yield return Bytes(w => EventualCommand.WriteIncrement(w, Increment()));
        yield return Bytes(w => EventualCommand.WriteIncrement(w, Increment() with { IsOnlyAgain = true }));
        yield return Bytes(Put("s"u8.ToArray()).WriteTo);
        yield return Bytes((Put("s"u8.ToArray()) with
        {
            Seen = CausalContext.Empty.With(new CounterOrigin(new NodeId(4), 5), Stamp),
        }).WriteTo);
        yield return Bytes(new RecordAddition("s"u8.ToArray(), -5, new CounterOrigin(new NodeId(1), 2), new(Stamp, 3, 4)).WriteTo);
        yield return Bytes(w => RowsCommand.WriteExpire(w, [new ExpiredRow(RowKey.OfPartition(5, [1]), new HybridTime(7), true)]));
    }

    private static IEnumerable<byte[]> Queries()
    {
        var selection = new RowsSelection { RowsMax = 2, Columns = [1, 3] };
        var read = Bytes(w => RowsQuery.WriteTokenRange(w, new TokenRangeRead(-5, 50, selection)));
        yield return Bytes(w => EventualQuery.WriteRaw(w, read, Stamp));
        yield return Bytes(w => EventualQuery.WriteRecord(w, RowKey.OfRow(5, [1], [2])));
        yield return Bytes(w => EventualQuery.WriteList(w, 0, ulong.MaxValue, [1], [200], 2));
        yield return Bytes(w => EventualQuery.WriteList(w, 0, ulong.MaxValue, [1], [200], 2, isOfRecords: true));
        yield return Bytes(w => RecordsChanges.Write(w, new ChangesQuery(default, Stamp, 2), new NodeId(1)));
        yield return Bytes(w => RecordsChanges.Write(w, new ChangesQuery("b"u8.ToArray(), HybridTime.Max), new NodeId(1)));
        yield return Bytes(w => EventualQuery.WriteNote(w, [1]));
        yield return Bytes(w => EventualQuery.WriteNotes(w, [1], [1, 2], 3));
        yield return Bytes(w => EventualQuery.WriteConditionRows(
            w, new RowsMutation(Operations(), [RowCondition.Exists(new byte[] { 2 })])));
        yield return Bytes(RowsQuery.WriteStats);
    }

    private static EventualRowsStateMachine NewMachine() => new(new InMemoryStateTree(), 0, ulong.MaxValue, 3);

    private static void Apply(EventualRowsStateMachine machine, ReadOnlyMemory<byte> command, out EventualResult result)
    {
        var writer = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(Stamp.Value + (ulong)machine.RecordCount), new(1)), command, writer);
        BrokenPromiseException.Unless(EventualResult.TryRead(writer.WrittenMemory, out result), "a command has a result");
    }

    private static string? RecodeVersion(ReadOnlyMemory<byte> input, WireWriter again)
    {
        var isVersion = VersionContents.TryRead(input, out var contents, checksValues: true);
        BrokenPromiseException.Unless(
            isVersion == RowsVersion.Validate(input, 0, ulong.MaxValue, Highest).IsNone, "what is read is passed by Validate");
        var data = new RowsVersionData();
        var merged = data.Merge([Known, input]);
        BrokenPromiseException.Unless(
            RowsVersion.Validate(merged, 0, ulong.MaxValue, Highest).IsNone || merged.Length > input.Length, "what is merged is a version");
        var query = Bytes(w => RowsQuery.WriteTokenRange(w, new TokenRangeRead(long.MinValue, long.MaxValue, RowsSelection.All)));
        var page = new WireWriter();
        RowsPages.Write(query, input, Stamp, page);
        BrokenPromiseException.Unless(RowsResultCodec.TryReadPage(page.WrittenMemory, out var read), "every version has a page");
        BrokenPromiseException.Unless((read.Status == RowsStatus.Ok) == isVersion, "and it is good when the version is");
        page.Reset();
        EventualConditions.Judge(new RowsMutation(Operations(), [RowCondition.Exists(new byte[] { 2 })]), input, Stamp, page);
        AnswerRecords(input);
        if (!isVersion)
        {
            return null;
        }

        BrokenPromiseException.Unless(data.RepairOf(input, input).IsEmpty, "who holds it needs no repair");
        var machine = NewMachine();
        Apply(machine, Bytes(w => EventualCommand.Write(w, new EventualChange { Version = input })), out var result);
        BrokenPromiseException.Unless(
            result.Status == (contents.IsComplete ? EventualStatus.Ok : EventualStatus.Invalid), "a whole version is taken");
        var root = machine.Hashes.Root;
        Apply(machine, Bytes(w => EventualCommand.Write(w, new EventualChange { Version = input })), out _);
        BrokenPromiseException.Unless(machine.Hashes.Root == root, "the same again changes nothing");
        again.WriteRaw(contents.Encode().Span);
        return contents.IsComplete ? "complete" : "cut";
    }

    // Whatever a replica says, a client of records gets an answer that it can read.
    private static void AnswerRecords(ReadOnlyMemory<byte> version)
    {
        var answer = new WireWriter();
        RecordsPages.Write(Bytes(w => RecordsQuery.WriteGet(w, "a"u8)), version, Stamp, answer);
        BrokenPromiseException.Unless(RecordsResultCodec.TryReadGet(answer.WrittenMemory, out _), "every version has a record or none");
        foreach (var scan in (ScanQuery[])[default, new(default, default, default, 1, 0, Reverse: true)])
        {
            answer.Reset();
            RecordsPages.Write(Bytes(w => RecordsQuery.WriteScan(w, scan)), version, Stamp, answer);
            BrokenPromiseException.Unless(
                RecordsResultCodec.TryReadScan(answer.WrittenMemory, out _), "every version has a page of records");
        }

        answer.Reset();
        RecordsPages.Judge([RecordOperation.Check("a"u8.ToArray(), Stamp)], version, Stamp, answer);
    }

    private static string? RecodeCommand(ReadOnlyMemory<byte> input, WireWriter again)
    {
        var machine = NewMachine();
        Apply(machine, Bytes(w => EventualCommand.Write(w, new EventualChange { Version = Known })), out _);
        Apply(machine, input, out var result);
        var fault = EventualCommand.Validate(input, 0, ulong.MaxValue, Highest);
        BrokenPromiseException.Unless(!fault.IsNone || result.Status != EventualStatus.Invalid, "what is passed by Validate is a command");
        _ = EventualCommand.TakesSpace(input);
        if (EventualCommand.TryRead(input, out var change))
        {
            EventualCommand.Write(again, change);
            return $"change {result.Status}";
        }

        if (EventualCommand.TryReadIncrement(input, out var increment))
        {
            EventualCommand.WriteIncrement(again, increment);
            return $"increment {result.Status}";
        }

        if (SiblingPut.TryRead(input, out var put))
        {
            put.WriteTo(again);
            return $"sibling {result.Status}";
        }

        if (RecordAddition.TryRead(input, out var addition))
        {
            addition.WriteTo(again);
            return $"addition {result.Status}";
        }

        // What a replica finds dead, it removes by the command that strong shards have for it.
        if (RowsCommand.TryReadExpire(input, out var expired))
        {
            RowsCommand.WriteExpire(again, expired);
            return $"expiry {result.Status}";
        }

        return null;
    }

    private static string? RecodeQuery(ReadOnlyMemory<byte> input, WireWriter again)
    {
        var machine = NewMachine();
        Apply(
            machine,
            Bytes(w => EventualCommand.Write(
                w, new EventualChange { Version = Known, Notes = [new Note(new byte[] { 1, 3 }, new byte[] { 2 })] })),
            out _);
        Apply(machine, Bytes(w => EventualCommand.Write(w, new EventualChange { Version = KnownRecords })), out _);
        var answer = new WireWriter();
        BrokenPromiseException.Unless(machine.TryRead(input, Stamp, answer) && answer.Length > 0, "everything is answered");
        if (!EventualQuery.TryReadVersion(answer.WrittenMemory, out var version))
        {
            return null;
        }

        again.WriteRaw(input.Span);
        var kind = EventualQuery.KindOf(input.Span);
        switch (kind)
        {
            case EventualQueryKind.Raw or EventualQueryKind.Record or EventualQueryKind.Conditions:
                BrokenPromiseException.Unless(
                    RowsVersion.Validate(version, 0, ulong.MaxValue, Highest).IsNone, "the answer is a version");
                break;
            case EventualQueryKind.Changes:
                BrokenPromiseException.Unless(RecordsResultCodec.TryReadChanges(version, out _), "the answer is a page of changes");
                break;
            case EventualQueryKind.List or EventualQueryKind.Places:
                BrokenPromiseException.Unless(EventualQuery.TryReadList(answer.WrittenMemory, out _, out _), "the answer is a list");
                break;
            case EventualQueryKind.Notes:
                BrokenPromiseException.Unless(EventualQuery.TryReadNotes(answer.WrittenMemory, out _, out _), "the answer are notes");
                break;
        }

        return kind.ToString();
    }
}
