namespace Atoll.Storage.Lsm;

/// <summary>
/// The values that a merge writes anew, to empty their files. They are read in long stretches, past the cache: in a value file values lie
/// in the order of their keys, and the merge comes in that order.
/// </summary>
internal sealed class ValueCollector
{
    // A merge may meet many files; each stretch that is kept costs its bytes.
    private const int StretchesMax = 16;

    private readonly SortedDictionary<ulong, ValueFile> _files = [];
    private readonly Dictionary<ulong, (long Offset, byte[] Bytes)> _stretches = [];
    private readonly int _stretchBytes;

    /// <summary>A collector.</summary>
    /// <param name="uses">The value files to empty.</param>
    /// <param name="stretchBytes">Bytes to read at once.</param>
    public ValueCollector(IReadOnlyList<ValueUse> uses, int stretchBytes)
    {
        _stretchBytes = stretchBytes;
        foreach (var use in uses)
        {
            _files.Add(use.File.Meta.Number, use.File);
        }
    }

    /// <summary>None is emptied.</summary>
    public static ValueCollector Nothing { get; } = new([], 0);

    /// <summary>
    /// Whether a value is to be written anew. One in a file that is known to be damaged stays where it is: damage is neither copied nor
    /// merged away.
    /// </summary>
    public bool Collects(ReadOnlySpan<byte> pointer, out ValuePointer place)
    {
        place = default;
        if (_files.Count == 0)
        {
            return false;
        }

        place = ValuePointer.Read(pointer);
        return _files.TryGetValue(place.File, out var file) && file.Damage is null;
    }

    /// <summary>The value, when it is in memory.</summary>
    public bool TryGet(in ValuePointer pointer, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!_stretches.TryGetValue(pointer.File, out var stretch) || pointer.Offset < stretch.Offset
            || pointer.Offset + pointer.StoredBytes > stretch.Offset + stretch.Bytes.Length)
        {
            return false;
        }

        var stored = stretch.Bytes.AsSpan((int)(pointer.Offset - stretch.Offset), (int)pointer.StoredBytes);
        value = stored[..pointer.LengthBytes];
        return _files[pointer.File].WhyNot(stored, pointer) is null;
    }

    /// <summary>Brings a value into memory.</summary>
    public void Load(ValuePointer pointer, ReadOnlyMemory<byte> key, Action<StoreFault?> done) =>
        _files[pointer.File].Read(pointer, key, _stretchBytes, (bytes, fault) =>
        {
            if (bytes is not null)
            {
                if (_stretches.Count >= StretchesMax)
                {
                    _stretches.Clear();
                }

                _stretches[pointer.File] = (pointer.Offset, bytes);
            }

            done(fault);
        });
}
