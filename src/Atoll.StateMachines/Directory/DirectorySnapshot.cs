using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The directory as slices: format (2 bytes), next numbers, view; cut wherever a slice is full.</summary>
internal sealed class DirectorySnapshotSource : ISnapshotSource
{
    internal const ushort FormatVersion = 1;

    private readonly byte[] _bytes;
    private int _position;

    public bool IsWaiting => false;

    public string? Error => null;

    internal DirectorySnapshotSource(DirectoryState state)
    {
        var writer = new WireWriter();
        writer.WriteUInt16(FormatVersion);
        writer.WriteUInt32(state.NextNode.Value);
        writer.WriteUInt64(state.NextSpace.Value);
        writer.WriteUInt64(state.NextShard.Value);
        state.View.Encode(writer);
        _bytes = writer.ToArray();
    }

    public bool TryNext(WireWriter slice)
    {
        var piece = Math.Min(Limits.SnapshotChunkBytes, _bytes.Length - _position);
        slice.WriteRaw(_bytes.AsSpan(_position, piece));
        _position += piece;
        return piece > 0;
    }

    public void Load(Action ready) => ready();

    public void Dispose()
    {
        // All of it is in memory.
    }
}

/// <summary>Gathers the slices of a directory, and reads them once all are there.</summary>
internal sealed class DirectorySnapshotTarget(HybridTime now, Action<DirectoryState> install) : IMachineTarget
{
    // More than the largest view has: every node, space and shard with names and replicas at their ceilings.
    private const int BytesMax = 64 * 1024 * 1024;

    private readonly WireWriter _bytes = new();
    private DirectoryState? _state;

    public ReadOnlyMemory<byte> Meta => default;

    public string? Error { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is null && _bytes.Length + slice.Length > BytesMax)
        {
            Error = "the directory is larger than one can be";
        }

        if (Error is null)
        {
            _bytes.WriteRaw(slice.Span);
        }

        return Error is null;
    }

    public bool Complete()
    {
        if (Error is null && !TryRead())
        {
            Error = "the directory is garbled";
        }

        return Error is null;
    }

    public void Install() => install(_state!);

    private bool TryRead()
    {
        const int headBytes = 2 + 4 + 8 + 8;
        var reader = new WireReader(_bytes.WrittenMemory);
        var version = reader.ReadUInt16();
        var nextNode = new NodeId(reader.ReadUInt32());
        var nextSpace = new SpaceId(reader.ReadUInt64());
        var nextShard = new ShardId(reader.ReadUInt64());
        if (!reader.Ok
            || version != DirectorySnapshotSource.FormatVersion
            || !DirectoryView.TryDecode(_bytes.WrittenMemory[headBytes..], out var view))
        {
            return false;
        }

        var state = new DirectoryState(view, nextNode, nextSpace, nextShard);
        if (!state.IsConsistent() || view.Version > now)
        {
            return false;
        }

        _state = state;
        return true;
    }
}
