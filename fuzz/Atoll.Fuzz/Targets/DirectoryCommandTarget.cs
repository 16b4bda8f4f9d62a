using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands of the directory, one after the other (<see cref="Parts"/>), on a directory with three nodes and a space.</summary>
public sealed class DirectoryCommandTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "directory-command";

    /// <inheritdoc />
    public string About => "commands of the directory: each has a result, and leaves a view that is whole, the same on two replicas";

    /// <inheritdoc />
    public AllocationBound Allocation => new(4 * 1024, 4 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Parts.Of(
            w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("other", ShardCount: 3)),
            w => DirectoryCommand.WriteSetReplicas(w, new(2), [new(2), new(3), new(1)], 1),
            w => DirectoryCommand.WriteSetPreferredLeader(w, new(2), new(3)),
            w => DirectoryCommand.WriteCreateSpace(
                w, new SpaceOptions("siblings", FaultModel.Eventual, 1, Conflicts: ConflictRule.Siblings))),
        Parts.Of(
            w => DirectoryCommand.WriteRegisterNode(w, Node(4)),
            w => DirectoryCommand.WriteUpdateNode(w, new NodeInfo(new(4), Node(4) with { Zone = "elsewhere" })),
            w => DirectoryCommand.WriteRemoveNode(w, new(4))),
        Parts.Of(
            w => DirectoryCommand.WriteCreateSpace(
                w,
                new SpaceOptions(
                    "in", FaultModel.Eventual, 2, Kind: SpaceKind.Rows, Regions: SpaceRegions.Of([new("region", 2)], ["region"]))),
            w => DirectoryCommand.WriteSetReplicas(w, new(4), [new(1), new(3)], 1),
            w => DirectoryCommand.WriteReplicaReady(w, new(4), 2, new(1)),
            w => DirectoryCommand.WriteReplicaReady(w, new(4), 2, new(3)),
            w => DirectoryCommand.WriteRetireNode(w, new(2), isGone: true)),
        Parts.Of(
            w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("topic", Replicas: 1, ShardCount: 2, Kind: SpaceKind.Streams)),
            w => DirectoryCommand.WriteGrowSpace(w, new(2), 2, 5),
            w => DirectoryCommand.WriteGrowSpace(w, new(2), 5, 6)),
        Parts.Of(w => DirectoryCommand.WriteDropSpace(w, new(1)), w => DirectoryCommand.WriteRemoveNode(w, new(3)), WriteInit),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var (one, two) = (NewDirectory(), NewDirectory());
        var now = 100UL;
        var done = 0;
        var last = DirectoryStatus.Invalid;
        foreach (var command in Parts.Read(input))
        {
            now++;
            var (first, second) = (Apply(one, command, now), Apply(two, command, now));
            BrokenPromiseException.Unless(first.AsSpan().SequenceEqual(second), "two replicas answer the same");
            BrokenPromiseException.Unless(DirectoryResult.TryRead(first, out var result), "a command has a result");
            BrokenPromiseException.Unless(one.View.IsConsistent(), "a command leaves a view that is whole");
            last = result.Status;
            done += last == DirectoryStatus.Ok ? 1 : 0;
            _ = DirectoryQuery.TryReadView(command, out _) || DirectoryQuery.TryReadAnswer(command, out _);
        }

        BrokenPromiseException.Unless(one.StateHash() == two.StateHash(), "two replicas hold the same");
        DirectoryViewTarget.LookEverythingUp(one.View);
        return done > 0 ? Verdict.Accepted($"{Math.Min(3, done)} done, then {last}") : Verdict.Refused(last.ToString());
    }

    /// <summary>A directory with three nodes, and a space of two shards.</summary>
    internal static DirectoryStateMachine NewDirectory()
    {
        var machine = new DirectoryStateMachine();
        var now = 0UL;
        foreach (var write in (Action<WireWriter>[])
            [WriteInit, w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", ShardCount: 2))])
        {
            var command = new WireWriter();
            write(command);
            Apply(machine, command.WrittenMemory, ++now);
        }

        return machine;
    }

    private static void WriteInit(WireWriter writer) => DirectoryCommand.WriteInitCluster(
        writer, 42, [.. Enumerable.Range(1, 3).Select(i => new NodeInfo(new((uint)i), Node(i)))], [new(1), new(2), new(3)]);

    private static NodeDescription Node(int number) =>
        new($"n{number}", $"h{number}:1", $"h{number}:2", $"h{number}:3", 1, "region", "zone", (ulong)number);

    private static byte[] Apply(DirectoryStateMachine machine, ReadOnlyMemory<byte> command, ulong now)
    {
        var result = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(now), new(now)), command, result);
        return result.ToArray();
    }
}
