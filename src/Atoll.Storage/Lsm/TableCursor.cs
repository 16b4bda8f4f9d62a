using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>A cursor over one sorted file; it can be moved to another.</summary>
internal sealed class TableCursor(BlockSource source) : EntryCursor
{
    private readonly BlockCursor _top = new();
    private readonly BlockCursor _index = new();
    private readonly BlockCursor _data = new();
    private BlockCursor? _ahead;
    private Table? _table;
    private byte[] _target = new byte[64];
    private int _targetLength;
    private ulong _targetVersion;
    private Goal _goal;
    private Phase _phase;
    private BlockHandle _wanted;

    // Bytes to read with the next data block: more and more, the longer blocks that are read in a row were not in memory.
    private int _aheadBytes;
    private int _misses;

    private const int AheadBytesMin = 8 * 1024;
    private const int AheadBytesMax = 64 * 1024;

    // Blocks in a row that were not in memory, before more is read than was asked for: a short scan shall not pay for a long one.
    private const int MissesBeforeAhead = 3;

    // Where in a block to stand when entering it.
    private enum Goal : byte
    {
        First,
        Last,
        AtOrAfter,
        Before,
    }

    // What to enter next.
    private enum Phase : byte
    {
        Top,
        Index,
        Data,
    }

    /// <inheritdoc />
    public override ReadOnlySpan<byte> Key => _data.Key;

    /// <inheritdoc />
    public override ulong Version => _data.Version;

    /// <inheritdoc />
    public override EntryKind Kind => _data.Kind;

    /// <inheritdoc />
    public override ulong ExpiresAt => _data.ExpiresAt;

    /// <inheritdoc />
    public override ReadOnlyMemory<byte> Value => _data.Value;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> ValueSpan => _data.ValueSpan;

    /// <summary>Stands nowhere in another file.</summary>
    public void Enter(Table table)
    {
        _table = table;
        State = CursorState.Nowhere;
        Fault = null;
    }

    /// <inheritdoc />
    public override void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        SetTarget(key, version);
        Begin(Goal.AtOrAfter);
    }

    /// <inheritdoc />
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        SetTarget(key, ulong.MaxValue);
        Begin(Goal.Before);
    }

    /// <summary>Goes to the first entry.</summary>
    public void SeekFirst() => Begin(Goal.First);

    /// <summary>Goes to the last entry.</summary>
    public void SeekLast() => Begin(Goal.Last);

    /// <inheritdoc />
    public override void Next()
    {
        if (!_data.Next())
        {
            LeaveBlock(forward: true);
        }
    }

    /// <inheritdoc />
    public override void Previous()
    {
        if (!_data.Previous())
        {
            LeaveBlock(forward: false);
        }
    }

    /// <inheritdoc />
    public override void Load(Action done)
    {
        Check.That(State == CursorState.Waiting);
        if (_phase == Phase.Top)
        {
            if (_table!.IsOpen)
            {
                // Somebody else has opened it meanwhile; a read of nothing keeps the end of this call apart from its beginning.
                done();
                return;
            }

            _table.Open(fault =>
            {
                Fault = fault;
                done();
            });
            return;
        }

        if (_phase == Phase.Index)
        {
            source.Load(_table!, _wanted, BlockType.Index, fault =>
            {
                Fault = fault;
                done();
            });
            return;
        }

        source.LoadRun(_table!, Run(), fault =>
        {
            Fault = fault is { IsCorruption: true } && _index.IsValid ? Table.Narrow(fault, _index) : fault;
            done();
        });
    }

    /// <inheritdoc />
    public override void Resume()
    {
        if (State == CursorState.Waiting)
        {
            if (Fault is not null)
            {
                State = CursorState.Failed;
            }
            else
            {
                Settle();
            }
        }
    }

    /// <inheritdoc />
    public override void Leave()
    {
        State = CursorState.Nowhere;
        _top.Leave();
        _index.Leave();
        _data.Leave();
    }

    // The data block to load, and of those behind it in the same index block as many as are to be read ahead.
    private List<BlockHandle> Run()
    {
        var run = new List<BlockHandle> { _wanted };
        if (_aheadBytes > 0)
        {
            _ahead ??= new BlockCursor();
            _ahead.MoveTo(_index);
            while (_ahead.Next())
            {
                Block.ReadHandles(_ahead.ValueSpan, out var next, out _);
                if (next.Offset != run[^1].End || next.End - _wanted.Offset > _aheadBytes)
                {
                    break;
                }

                run.Add(next);
            }

            _ahead.Leave();
        }

        return run;
    }

    private void SetTarget(ReadOnlySpan<byte> key, ulong version)
    {
        if (_target.Length < key.Length)
        {
            _target = new byte[Math.Max(key.Length, _target.Length * 2)];
        }

        key.CopyTo(_target);
        _targetLength = key.Length;
        _targetVersion = version;
    }

    private void Begin(Goal goal)
    {
        _goal = goal;
        _phase = Phase.Top;
        _aheadBytes = 0;
        _misses = 0;
        Fault = null;
        Settle();
    }

    private void LeaveBlock(bool forward)
    {
        _goal = forward ? Goal.First : Goal.Last;
        if (!StepIndex(forward))
        {
            State = CursorState.Nowhere;
            return;
        }

        Settle();
        if (State == CursorState.Waiting && _phase == Phase.Data)
        {
            _misses = forward ? _misses + 1 : 0;
            _aheadBytes = _misses < MissesBeforeAhead ? 0 : Math.Clamp(_aheadBytes * 2, AheadBytesMin, AheadBytesMax);
        }
    }

    // To the neighbouring block: the next phase says what of it must be entered first.
    private bool StepIndex(bool forward)
    {
        if (forward ? _index.Next() : _index.Previous())
        {
            _phase = Phase.Data;
            return true;
        }

        _phase = Phase.Index;
        return forward ? _top.Next() : _top.Previous();
    }

    private void Settle()
    {
        if (_phase == Phase.Top && !EnterTop())
        {
            return;
        }

        while (true)
        {
            if (_phase == Phase.Index)
            {
                if (!TryGet(_top, BlockType.Index, out var block))
                {
                    return;
                }

                _index.Enter(block);
                Position(_index, isData: false);
                _phase = Phase.Data;
            }

            if (!TryGet(_index, BlockType.Data, out var data))
            {
                return;
            }

            _data.Enter(data);
            if (Position(_data, isData: true))
            {
                State = CursorState.On;
                return;
            }

            // What is sought lies in the neighbouring block: at its near end, or further on when a key has so many versions that they fill
            // blocks, for these all end with that key.
            var forward = _goal is Goal.First or Goal.AtOrAfter;
            _goal = forward ? _goal : Goal.Last;
            if (!StepIndex(forward))
            {
                State = CursorState.Nowhere;
                return;
            }
        }
    }

    private bool EnterTop()
    {
        if (!_table!.IsOpen)
        {
            State = CursorState.Waiting;
            return false;
        }

        if (_table.Meta.Entries == 0)
        {
            State = CursorState.Nowhere;
            return false;
        }

        _top.Enter(_table.Top);
        if (!Position(_top, isData: false))
        {
            State = CursorState.Nowhere;
            return false;
        }

        _phase = Phase.Index;
        return true;
    }

    private bool TryGet(BlockCursor index, BlockType type, out Block block)
    {
        Block.ReadHandles(index.ValueSpan, out _wanted, out _);
        block = source.TryGet(_table!, _wanted, type)!;
        State = CursorState.Waiting;
        return block is not null;
    }

    // In an index the block to enter is the first whose last key is not before the target; when there is none, the last block.
    private bool Position(BlockCursor cursor, bool isData)
    {
        var target = _target.AsSpan(0, _targetLength);
        return _goal switch
        {
            Goal.First => cursor.SeekFirst(),
            Goal.Last => cursor.SeekLast(),
            Goal.AtOrAfter => cursor.SeekAtOrAfter(target, isData ? _targetVersion : ulong.MaxValue),
            _ => isData ? cursor.SeekBefore(target) : cursor.SeekAtOrAfter(target, ulong.MaxValue) || cursor.SeekLast(),
        };
    }
}
