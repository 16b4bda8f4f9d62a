using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// A state in memory as records, in slices: a format (byte), then each record behind its length (4 bytes) and its kind (byte). What changes
/// meanwhile changes other maps.
/// </summary>
internal sealed class RecordSnapshotSource : ISnapshotSource
{
    private readonly WireWriter _record = new();
    private readonly WireWriter _bytes = new();
    private readonly IEnumerator<byte> _records;
    private int _position;

    /// <summary>A source.</summary>
    /// <param name="formatVersion">What the snapshot begins with.</param>
    /// <param name="records">The kinds of the records, one after the other, each written into the writer when it is asked for.</param>
    internal RecordSnapshotSource(byte formatVersion, Func<WireWriter, IEnumerable<byte>> records)
    {
        _records = records(_record).GetEnumerator();
        _bytes.WriteByte(formatVersion);
    }

    public bool IsWaiting => false;

    public string? Error => null;

    public bool TryNext(WireWriter slice)
    {
        while (_bytes.Length - _position < Limits.SnapshotChunkBytes && _records.MoveNext())
        {
            _bytes.WriteUInt32((uint)_record.Length + 1);
            _bytes.WriteByte(_records.Current);
            _bytes.WriteRaw(_record.Written);
            _record.Reset();
        }

        var piece = Math.Min(Limits.SnapshotChunkBytes, _bytes.Length - _position);
        slice.WriteRaw(_bytes.Written.Slice(_position, piece));
        _position += piece;
        if (_position == _bytes.Length)
        {
            _bytes.Reset();
            _position = 0;
        }

        return piece > 0;
    }

    public void Load(Action ready) => ready();

    public void Dispose() => _records.Dispose();
}
