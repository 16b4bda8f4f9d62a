using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Fuzz.Targets;

/// <summary>Views of the directory, as nodes and clients get them from one another.</summary>
public sealed class DirectoryViewTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "directory-view";

    /// <inheritdoc />
    public override string About => "DirectoryView.TryDecode: refused, or whole: lookups find what is in it, and it is encoded as the same";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
        [Bytes(DirectoryView.Empty.Encode), Bytes(DirectoryCommandTarget.NewDirectory().View.Encode)];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        if (!DirectoryView.TryDecode(input, out var view))
        {
            outcome = "refused";
            return false;
        }

        outcome = $"{Math.Min(4, view.Nodes.Length)} nodes, {Math.Min(3, view.Spaces.Length)} spaces";
        LookEverythingUp(view);
        view.Encode(again);
        return true;
    }

    /// <summary>Everything in a view can be found.</summary>
    internal static void LookEverythingUp(DirectoryView view)
    {
        BrokenPromiseException.Unless(
            view.Nodes.All(node => view.TryGetNode(node.Id, out var found) && found == node), "every node of a view can be found");
        foreach (var space in view.Spaces)
        {
            BrokenPromiseException.Unless(
                view.TryGetSpace(space.Id, out var byId) && view.TryGetSpace(space.Name, out var byName) && byId == byName,
                "every space of a view can be found by number and name");
            foreach (var hash in (ulong[])[0, 1, ulong.MaxValue / 2, ulong.MaxValue])
            {
                BrokenPromiseException.Unless(
                    view.TryGetShard(space.Id, hash, out var shard) && shard.Holds(hash),
                    "every hash of a space lies in one of its shards");
            }
        }

        BrokenPromiseException.Unless(
            !view.TryGetSpace("\0", out _) && !view.TryGetNode(NodeId.None, out _), "what is not there is not found");
    }
}
