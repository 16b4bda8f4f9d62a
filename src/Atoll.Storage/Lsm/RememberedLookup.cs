using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>Where a lookup stopped, and what it must find unchanged to go on there.</summary>
/// <param name="Tree">The tree.</param>
/// <param name="Active">The memtable that was written.</param>
/// <param name="ActiveBytes">Its bytes: every write adds to them.</param>
/// <param name="Files">The files.</param>
/// <param name="Point">How far it came in them.</param>
internal readonly record struct LookupStop(ulong Tree, Memtable? Active, long ActiveBytes, FileSet? Files, LookupPoint Point);

/// <summary>
/// The end of a store's last lookup. Who prepares a key asks for it next, and often writes it then: that shall not look it up three
/// times. It is right until something is written: flushes and merges change nothing of what is found, and a block may go, as the value
/// was copied or lent.
/// </summary>
internal sealed class RememberedLookup
{
    private byte[] _key = new byte[128];
    private int _keyLength;
    private Memtable? _active;
    private long _activeBytes;
    private LookupStatus _status;
    private StoredRecord _record;

    /// <summary>Keeps a lookup's end.</summary>
    /// <param name="key">The key, with its tree's number in front.</param>
    /// <param name="active">The memtable that is written.</param>
    /// <param name="status">How it ended.</param>
    /// <param name="record">What it found, or default.</param>
    public void Remember(ReadOnlySpan<byte> key, Memtable active, LookupStatus status, in StoredRecord record)
    {
        if (_key.Length < key.Length)
        {
            _key = new byte[Math.Max(key.Length, _key.Length * 2)];
        }

        key.CopyTo(_key);
        (_keyLength, _active, _activeBytes, _status, _record) = (key.Length, active, active.Bytes, status, record);
    }

    /// <summary>The end of the same lookup, when nothing was written since; else null.</summary>
    public LookupStatus? TryGet(ReadOnlySpan<byte> key, Memtable active, out StoredRecord record)
    {
        if (!ReferenceEquals(active, _active) || active.Bytes != _activeBytes || !key.SequenceEqual(_key.AsSpan(0, _keyLength)))
        {
            record = default;
            return null;
        }

        record = _record;
        return _status;
    }
}
