namespace Atoll.Storage.Lsm;

/// <summary>A cursor over the files of one level, which do not overlap: one file's cursor, moved from file to file.</summary>
internal sealed class LevelCursor(Table[] tables, BlockSource source) : EntryCursor
{
    private readonly TableCursor _cursor = new(source);
    private int _position;
    private bool _forward;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> Key => _cursor.Key;

    /// <inheritdoc />
    public override ulong Version => _cursor.Version;

    /// <inheritdoc />
    public override EntryKind Kind => _cursor.Kind;

    /// <inheritdoc />
    public override ulong ExpiresAt => _cursor.ExpiresAt;

    /// <inheritdoc />
    public override ReadOnlyMemory<byte> Value => _cursor.Value;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> ValueSpan => _cursor.ValueSpan;

    /// <inheritdoc />
    public override void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        _forward = true;
        _position = FileSet.FirstEndingAfter(tables, key);
        if (_position == tables.Length)
        {
            BeNowhere();
            return;
        }

        _cursor.Enter(tables[_position]);
        _cursor.SeekAtOrAfter(key, version);
        Settle();
    }

    /// <inheritdoc />
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        _forward = false;
        _position = FileSet.FirstStartingAtOrAfter(tables, key) - 1;
        if (_position < 0)
        {
            BeNowhere();
            return;
        }

        _cursor.Enter(tables[_position]);
        _cursor.SeekBefore(key);
        Settle();
    }

    /// <inheritdoc />
    public override void Next()
    {
        _forward = true;
        _cursor.Next();
        Settle();
    }

    /// <inheritdoc />
    public override void Previous()
    {
        _forward = false;
        _cursor.Previous();
        Settle();
    }

    /// <inheritdoc />
    public override void Load(Action done) => _cursor.Load(done);

    /// <inheritdoc />
    public override void Resume()
    {
        if (State == CursorState.Waiting)
        {
            _cursor.Resume();
            Settle();
        }
    }

    /// <inheritdoc />
    public override void Leave()
    {
        BeNowhere();
        _cursor.Leave();
    }

    private void Settle()
    {
        while (_cursor.State == CursorState.Nowhere)
        {
            _position += _forward ? 1 : -1;
            if (_position < 0 || _position >= tables.Length)
            {
                BeNowhere();
                return;
            }

            _cursor.Enter(tables[_position]);
            if (_forward)
            {
                _cursor.SeekFirst();
            }
            else
            {
                _cursor.SeekLast();
            }
        }

        State = _cursor.State;
        Fault = _cursor.Fault;
    }

    private void BeNowhere()
    {
        State = CursorState.Nowhere;
        Fault = null;
    }
}
