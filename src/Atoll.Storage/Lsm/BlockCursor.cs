using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>A position in a block. One is used for block after block: a warm one allocates nothing.</summary>
internal sealed class BlockCursor
{
    private Block? _block;
    private byte[] _key = new byte[56];
    private int _keyLength;
    private int _entryOffset;
    private EntryHead _head;

    /// <summary>True when it stands on an entry.</summary>
    public bool IsValid { get; private set; }

    /// <summary>The entry's key; valid until the next move.</summary>
    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    /// <summary>The entry's version.</summary>
    public ulong Version => _head.Version;

    /// <summary>What the entry says.</summary>
    public EntryKind Kind => _head.Kind;

    /// <summary>When it expires, or 0.</summary>
    public ulong ExpiresAt => _head.ExpiresAt;

    /// <summary>The entry's value; immutable, for as long as anyone wants.</summary>
    public ReadOnlyMemory<byte> Value => _block!.Memory(_head.ValueOffset, _head.ValueLength);

    /// <summary>The entry's value; valid until the next move.</summary>
    public ReadOnlySpan<byte> ValueSpan => _block!.Span.Slice(_head.ValueOffset, _head.ValueLength);

    /// <summary>Stands nowhere in another block.</summary>
    public void Enter(Block block)
    {
        if (!ReferenceEquals(_block, block))
        {
            Leave();
            _block = block;
            block.Readers++;
        }

        IsValid = false;
    }

    /// <summary>Stands in no block.</summary>
    public void Leave()
    {
        IsValid = false;
        if (_block is not null)
        {
            _block.Readers--;
            _block = null;
        }
    }

    /// <summary>Stands where another cursor stands.</summary>
    public void MoveTo(BlockCursor other)
    {
        Check.That(other.IsValid);
        Enter(other._block!);
        ReadAt(other._entryOffset, other.Key);
    }

    /// <summary>Goes to the first entry.</summary>
    public bool SeekFirst() => ReadAt(0);

    /// <summary>Goes to the last entry.</summary>
    public bool SeekLast()
    {
        var block = _block!;
        ReadAt(block.Restart(block.RestartCount - 1));
        while (_head.End < block.EntriesEnd)
        {
            ReadAt(_head.End);
        }

        return IsValid;
    }

    /// <summary>Goes to the first entry that does not come before the given one.</summary>
    public bool SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        var block = _block!;
        ReadAt(block.Restart(block.RestartAtOrBefore(key, version)));
        while (IsValid && EntryOrder.Compare(Key, _head.Version, key, version) < 0)
        {
            Next();
        }

        return IsValid;
    }

    /// <summary>Goes to the last entry of a key before the given one.</summary>
    public bool SeekBefore(ReadOnlySpan<byte> key) => SeekAtOrAfter(key, ulong.MaxValue) ? Previous() : SeekLast();

    /// <summary>Goes one entry on.</summary>
    public bool Next() => _head.End < _block!.EntriesEnd ? ReadAt(_head.End) : IsValid = false;

    /// <summary>Goes one entry back: from the restart point before it, forward again.</summary>
    public bool Previous()
    {
        var block = _block!;
        Check.That(IsValid);
        var target = _entryOffset;
        if (target == 0)
        {
            return IsValid = false;
        }

        int low = 0, high = block.RestartCount - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (block.Restart(middle) < target)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        ReadAt(block.Restart(low));
        while (_head.End < target)
        {
            ReadAt(_head.End);
        }

        return true;
    }

    // What the key shares with the one before is taken from the key itself.
    private void ReadAt(int offset, ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
        {
            _key = new byte[key.Length * 2];
        }

        key.CopyTo(_key);
        ReadAt(offset);
    }

    private bool ReadAt(int offset)
    {
        var content = _block!.Span;
        Block.ReadHead(content, offset, out _head);
        _entryOffset = offset;
        _keyLength = _head.Shared + _head.SuffixLength;
        if (_key.Length < _keyLength)
        {
            Array.Resize(ref _key, Math.Max(_keyLength, _key.Length * 2));
        }

        content.Slice(_head.SuffixOffset, _head.SuffixLength).CopyTo(_key.AsSpan(_head.Shared));
        return IsValid = true;
    }
}
