using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Fuzz.Targets;

/// <summary>Writes of records that are more than one value as clients send them, with contexts, and what clients are answered.</summary>
public sealed class SiblingsTarget : CodecTarget
{
    private static readonly HybridTime Now = HybridTime.FromUnixMilliseconds(1_000);

    /// <inheritdoc />
    public override string Name => "siblings";

    /// <inheritdoc />
    public override string About =>
        "SiblingCommand, AddCommand, ElementsCommand, RecordSiblings, RecordElements: read or refused; what Validate passes is a command, "
        + "its context read or refused";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(new SiblingCommand("k"u8.ToArray(), default, false, 5, "v"u8.ToArray()).WriteTo),
        Bytes(new SiblingCommand("k"u8.ToArray(), Answer().Context, true, 0, default).WriteTo),
        Bytes(Answer().WriteTo),
        Bytes(new AddCommand("k"u8.ToArray(), -5).WriteTo),
        Bytes(new ElementsCommand(
            "k"u8.ToArray(), 5, [ElementChange.Put("a"u8.ToArray(), "1"u8.ToArray()), ElementChange.Remove("b"u8.ToArray())]).WriteTo),
        Bytes(static writer => RecordElements.Write(
            writer,
            [new RecordElement("a"u8.ToArray(), "1"u8.ToArray(), Now, HybridTime.Zero), new RecordElement(default, default, Now, Now)])),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var fault = SiblingCommand.Validate(input, 0, ulong.MaxValue, new RecordLimits(4_096, 1 << 20));
        var isCommand = SiblingCommand.TryRead(input, out var command);
        BrokenPromiseException.Unless(isCommand || !fault.IsNone, "what is passed by Validate is a command");
        if (isCommand)
        {
            var isContext = RecordSiblings.TryReadContext(command.Context, command.Key.Span, out _);
            command.WriteTo(again);
            outcome = $"command {fault.Kind}, context {isContext}";
            return true;
        }

        if (AddCommand.TryRead(input, out var add))
        {
            add.WriteTo(again);
            outcome = "addition";
            return true;
        }

        var elementsFault = ElementsCommand.Validate(input, 0, ulong.MaxValue, new RecordLimits(4_096, 1 << 20));
        var isChange = ElementsCommand.TryRead(input, out var change);
        BrokenPromiseException.Unless(isChange || !elementsFault.IsNone, "what is passed by Validate is a change of elements");
        if (isChange)
        {
            change.WriteTo(again);
            outcome = $"elements {elementsFault.Kind}, {Math.Min(3, change.Changes.Count)}";
            return true;
        }

        if (RecordElements.TryRead(input, out var elements))
        {
            RecordElements.Write(again, elements);
            outcome = $"answer {Math.Min(3, elements.Count)}";
            return true;
        }

        if (RecordSiblings.TryRead(input, out var siblings))
        {
            siblings.WriteTo(again);
            outcome = $"siblings {Math.Min(3, siblings.Siblings.Count)}";
            return true;
        }

        outcome = "refused";
        return false;
    }

    private static RecordSiblings Answer()
    {
        var id = new CounterUpdateId(Now, 1, 2);
        var write = new Sibling(default, HybridTime.Zero, id, false, 9_000, "v"u8.ToArray());
        var deletion = new Sibling(default, HybridTime.Zero, id with { Number = 3 }, true, 0, default);
        var set = SiblingSet.Empty.Put(new CounterOrigin(new NodeId(1), 2), Now, CausalContext.Empty, write)
            .Put(new CounterOrigin(new NodeId(2), 3), Now, CausalContext.Empty, deletion);
        return RecordSiblings.Of(set, "k"u8, Now);
    }
}
