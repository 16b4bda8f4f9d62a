using Atoll.Foundation.Checks;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>A cursor over a snapshot of one tree's part of a memtable.</summary>
internal sealed class MemoryCursor(TreeSnapshot<MemoryKey, MemoryValue, MemoryKeyOrder> snapshot, byte[] prefix) : EntryCursor
{
    private readonly TreeCursor<MemoryKey, MemoryValue, MemoryKeyOrder> _cursor = snapshot.OpenCursor();
    private byte[] _target = new byte[64];

    /// <inheritdoc />
    public override ReadOnlySpan<byte> Key => _cursor.Key.Span;

    /// <inheritdoc />
    public override ulong Version => _cursor.Key.Version;

    /// <inheritdoc />
    public override EntryKind Kind => _cursor.Value.Kind;

    /// <inheritdoc />
    public override ulong ExpiresAt => _cursor.Value.ExpiresAt;

    /// <inheritdoc />
    public override ReadOnlyMemory<byte> Value => _cursor.Value.Value;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> ValueSpan => _cursor.Value.Value.Span;

    /// <inheritdoc />
    public override void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        var order = ComparePrefix(key);
        Stand(order == 0 ? _cursor.SeekAtOrAfter(Target(key, version)) : order < 0 && _cursor.SeekFirst());
    }

    /// <inheritdoc />
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        var order = ComparePrefix(key);
        Stand(order == 0 ? _cursor.SeekBefore(Target(key, ulong.MaxValue)) : order > 0 && _cursor.SeekLast());
    }

    /// <inheritdoc />
    public override void Next() => Stand(_cursor.Next());

    /// <inheritdoc />
    public override void Previous() => Stand(_cursor.Previous());

    /// <inheritdoc />
    public override void Load(Action done) => Check.Unreachable("memory needs no loading");

    /// <inheritdoc />
    public override void Resume()
    {
    }

    /// <inheritdoc />
    public override void Leave() => State = CursorState.Nowhere;

    private void Stand(bool isOn) => State = isOn ? CursorState.On : CursorState.Nowhere;

    // Keys of other trees come before or after all of this one.
    private int ComparePrefix(ReadOnlySpan<byte> key) => key.Length < prefix.Length
        ? key.SequenceCompareTo(prefix) : key[..prefix.Length].SequenceCompareTo(prefix);

    private MemoryKey Target(ReadOnlySpan<byte> key, ulong version)
    {
        if (_target.Length < key.Length)
        {
            _target = new byte[key.Length * 2];
        }

        key.CopyTo(_target);
        return new MemoryKey(_target, 0, key.Length, version);
    }
}
