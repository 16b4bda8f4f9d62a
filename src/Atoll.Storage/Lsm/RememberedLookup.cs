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
/// The ends of a store's last lookups. Who prepares a command's keys asks for them next, and often writes them then: that shall not look
/// them up three times. They are right until something is written: flushes and merges change nothing of what is found, and a block may go,
/// as the value was copied or lent.
/// </summary>
internal sealed class RememberedLookup
{
    // A command that writes one row asks for that and for what is known of its partition.
    private const int EndsMax = 4;

    private readonly End[] _ends = new End[EndsMax];
    private int _next;
    private Memtable? _active;
    private long _activeBytes;

    /// <summary>Keeps a lookup's end.</summary>
    /// <param name="key">The key, with its tree's number in front.</param>
    /// <param name="active">The memtable that is written.</param>
    /// <param name="status">How it ended.</param>
    /// <param name="record">What it found, or default.</param>
    public void Remember(ReadOnlySpan<byte> key, Memtable active, LookupStatus status, in StoredRecord record)
    {
        if (!ReferenceEquals(active, _active) || active.Bytes != _activeBytes)
        {
            (_active, _activeBytes, _next) = (active, active.Bytes, 0);
            foreach (ref var forgotten in _ends.AsSpan())
            {
                forgotten.KeyLength = 0;
                forgotten.Record = default;
            }
        }

        ref var end = ref _ends[_next++ % EndsMax];
        if (end.Key is null || end.Key.Length < key.Length)
        {
            end.Key = new byte[Math.Max(key.Length, 128)];
        }

        key.CopyTo(end.Key);
        (end.KeyLength, end.Status, end.Record) = (key.Length, status, record);
    }

    /// <summary>The end of the same lookup, when nothing was written since; else null.</summary>
    public LookupStatus? TryGet(ReadOnlySpan<byte> key, Memtable active, out StoredRecord record)
    {
        if (ReferenceEquals(active, _active) && active.Bytes == _activeBytes)
        {
            foreach (ref readonly var end in _ends.AsSpan())
            {
                // Every key has its tree's number in front: no length is 0.
                if (end.KeyLength == key.Length && key.SequenceEqual(end.Key.AsSpan(0, end.KeyLength)))
                {
                    record = end.Record;
                    return end.Status;
                }
            }
        }

        record = default;
        return null;
    }

    private struct End
    {
        public byte[] Key;
        public int KeyLength;
        public LookupStatus Status;
        public StoredRecord Record;
    }
}
