using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>A load of a tree with sections.</summary>
internal sealed class LsmStateLoad(LsmLoad load) : IStateLoad
{
    private byte[] _key = new byte[128];

    /// <inheritdoc />
    public void WhenDrained(Action ready) => load.WhenDrained(ready);

    /// <inheritdoc />
    public string? Error => load.HasFailed ? "the disk does not take the records" : null;

    /// <inheritdoc />
    public void Put(byte section, ReadOnlySpan<byte> key, in StoredRecord record)
    {
        if (_key.Length <= key.Length)
        {
            _key = new byte[Math.Max(key.Length + 1, _key.Length * 2)];
        }

        _key[0] = section;
        key.CopyTo(_key.AsSpan(1));
        load.Put(_key.AsSpan(0, key.Length + 1), record);
    }

    /// <inheritdoc />
    public void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done) => load.Finish(applied, at, done);

    /// <inheritdoc />
    public void Abandon() => load.Abandon();
}
