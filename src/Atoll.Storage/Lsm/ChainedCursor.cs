using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// The entries of several cursors over memory, all keys of one before all of the next: the trees of a memtable. Only forward, and without
/// the comparisons that merging them would cost.
/// </summary>
internal sealed class ChainedCursor(EntryCursor[] cursors) : EntryCursor
{
    private int _at;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> Key => cursors[_at].Key;

    /// <inheritdoc />
    public override ulong Version => cursors[_at].Version;

    /// <inheritdoc />
    public override EntryKind Kind => cursors[_at].Kind;

    /// <inheritdoc />
    public override ulong ExpiresAt => cursors[_at].ExpiresAt;

    /// <inheritdoc />
    public override ReadOnlyMemory<byte> Value => cursors[_at].Value;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> ValueSpan => cursors[_at].ValueSpan;

    /// <inheritdoc />
    public override void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        foreach (var cursor in cursors)
        {
            cursor.SeekAtOrAfter(key, version);
        }

        _at = 0;
        Settle();
    }

    /// <inheritdoc />
    public override void SeekBefore(ReadOnlySpan<byte> key) => Check.Unreachable("the way is forward");

    /// <inheritdoc />
    public override void Next()
    {
        Check.That(State == CursorState.On);
        cursors[_at].Next();
        Settle();
    }

    /// <inheritdoc />
    public override void Previous() => Check.Unreachable("the way is forward");

    /// <inheritdoc />
    public override void Load(Action done) => Check.Unreachable("memory needs no loading");

    /// <inheritdoc />
    public override void Resume()
    {
    }

    /// <inheritdoc />
    public override void Leave() => State = CursorState.Nowhere;

    private void Settle()
    {
        while (_at < cursors.Length && cursors[_at].State == CursorState.Nowhere)
        {
            _at++;
        }

        State = _at < cursors.Length ? CursorState.On : CursorState.Nowhere;
    }
}
