using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Builds a block of entries. A key is written without what it shares with the key before, except at restart points, whose places stand
/// at the block's end for binary search (as in Bigtable's and LevelDB's tables).
/// </summary>
internal sealed class BlockBuilder(int restartInterval)
{
    private readonly WireWriter _content = new(512);
    private readonly List<int> _restarts = [];
    private byte[] _lastKey = new byte[128];
    private int _lastKeyLength;
    private int _sinceRestart;

    /// <summary>Entries so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that the block would take now.</summary>
    public int SizeBytes => _content.Length + (4 * (_restarts.Count + 1));

    /// <summary>Adds an entry; entries come in their order.</summary>
    public void Add(ReadOnlySpan<byte> key, ulong version, EntryKind kind, ulong expiresAt, ReadOnlySpan<byte> value)
    {
        var shared = 0;
        if (_sinceRestart < restartInterval && Count > 0)
        {
            shared = key.CommonPrefixLength(_lastKey.AsSpan(0, _lastKeyLength));
        }
        else
        {
            _restarts.Add(_content.Length);
            _sinceRestart = 0;
        }

        var flags = (byte)kind | (expiresAt == 0 ? 0 : Block.HasExpiryFlag) | (version == 0 ? 0 : Block.HasVersionFlag);
        _content.WriteVarint((ulong)shared);
        _content.WriteVarint((ulong)(key.Length - shared));
        _content.WriteByte((byte)flags);
        _content.WriteVarint((ulong)value.Length);
        if (version != 0)
        {
            _content.WriteUInt64(version);
        }

        if (expiresAt != 0)
        {
            _content.WriteUInt64(expiresAt);
        }

        _content.WriteRaw(key[shared..]);
        _content.WriteRaw(value);
        if (_lastKey.Length < key.Length)
        {
            _lastKey = new byte[Math.Max(key.Length, _lastKey.Length * 2)];
        }

        key[shared..].CopyTo(_lastKey.AsSpan(shared));
        _lastKeyLength = key.Length;
        _sinceRestart++;
        Count++;
    }

    /// <summary>Closes the block. Its content is valid until the next <see cref="Reset"/>.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        Check.That(Count > 0);
        foreach (var restart in _restarts)
        {
            _content.WriteUInt32((uint)restart);
        }

        _content.WriteUInt32((uint)_restarts.Count);
        return _content.Written;
    }

    /// <summary>Begins the next block.</summary>
    public void Reset()
    {
        _content.Reset();
        _restarts.Clear();
        _sinceRestart = 0;
        _lastKeyLength = 0;
        Count = 0;
    }
}
