using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.Storage.Lsm;

/// <summary>What the manifest knows of a sorted file, so that opening a store reads none of them.</summary>
internal sealed record TableMeta
{
    /// <summary>The file's number: newer files have higher ones.</summary>
    public required ulong Number { get; init; }

    /// <summary>Its length.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>The first key that it says anything of.</summary>
    public required byte[] From { get; init; }

    /// <summary>The first key behind all that it says anything of.</summary>
    public required byte[] To { get; init; }

    /// <summary>Entries, tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Entries that say "gone".</summary>
    public required long Tombstones { get; init; }

    /// <summary>Bytes of keys and values.</summary>
    public required long ContentBytes { get; init; }

    /// <summary>The oldest version in it.</summary>
    public required ulong VersionMin { get; init; }

    /// <summary>The newest version in it.</summary>
    public required ulong VersionMax { get; init; }

    /// <summary>The ranges that it deletes, so that a read need not open it to know.</summary>
    public required RangeTombstones RangeTombstones { get; init; }

    /// <summary>
    /// Entries that an entry of the same key, with a newer version, stands before. Not in the manifest: null when it was not this process
    /// that wrote the file, and nobody knows.
    /// </summary>
    public long? Superseded { get; init; }

    /// <summary>Whether writing the file anew, when nothing lies below it, may make it shorter.</summary>
    public bool MayShrink => Superseded is null or > 0 || Tombstones > 0 || !RangeTombstones.IsEmpty;

    /// <summary>The value files that it points into, by number.</summary>
    public ValueReference[] Values { get; init; } = [];

    /// <summary>Its bytes, and those of the values that it points to: what its level holds by it.</summary>
    public long BytesWithValues => LengthBytes + Values.Sum(static reference => reference.LiveBytes);

    /// <summary>Whether the file may say something of a key.</summary>
    public bool Covers(ReadOnlySpan<byte> key) => EntryOrder.CompareKeys(key, From) >= 0 && EntryOrder.CompareKeys(key, To) < 0;

    /// <summary>Whether the file may say something of a key in [from, to).</summary>
    public bool Overlaps(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) =>
        To.AsSpan().SequenceCompareTo(from) > 0 && From.AsSpan().SequenceCompareTo(to) < 0;

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteUInt64(Number);
        writer.WriteVarint((ulong)LengthBytes);
        writer.WriteBytes(From);
        writer.WriteBytes(To);
        writer.WriteVarint((ulong)Entries);
        writer.WriteVarint((ulong)Tombstones);
        writer.WriteVarint((ulong)ContentBytes);
        writer.WriteUInt64(VersionMin);
        writer.WriteUInt64(VersionMax);
        RangeTombstones.Write(writer);
        writer.WriteVarint((ulong)Values.Length);
        ulong last = 0;
        foreach (var reference in Values)
        {
            writer.WriteVarint(reference.File - last);
            writer.WriteVarint((ulong)reference.LiveBytes);
            last = reference.File;
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; on bad input the reader says so.</summary>
    /// <param name="reader">Where.</param>
    /// <param name="version">The format that it was written in.</param>
    public static TableMeta Read(ref WireReader reader, uint version)
    {
        var meta = new TableMeta
        {
            Number = reader.ReadUInt64(),
            LengthBytes = (long)reader.ReadVarint(),
            From = reader.ReadBytes().ToArray(),
            To = reader.ReadBytes().ToArray(),
            Entries = (long)reader.ReadVarint(),
            Tombstones = (long)reader.ReadVarint(),
            ContentBytes = (long)reader.ReadVarint(),
            VersionMin = reader.ReadUInt64(),
            VersionMax = reader.ReadUInt64(),
            RangeTombstones = RangeTombstones.Read(ref reader),
            Values = version < TableFormat.VersionOfValueFiles ? [] : ReadValues(ref reader),
        };
        var fits = meta.Number > 0 && meta.LengthBytes >= TableFormat.FooterBytes && meta.Entries >= 0 && meta.ContentBytes >= 0
            && meta.From.Length >= TableFormat.TreePrefixBytes && meta.To.Length <= Limits.KeyBytesMax * 2
            && KeyOrder.Instance.Compare(meta.From, meta.To) < 0;
        if (!fits)
        {
            reader.Fail();
        }

        return meta;
    }

    private static ValueReference[] ReadValues(ref WireReader reader)
    {
        var values = new ValueReference[reader.ReadCount(reader.Remaining)];
        ulong last = 0;
        for (var i = 0; i < values.Length && reader.Ok; i++)
        {
            var (step, bytes) = (reader.ReadVarint(), reader.ReadVarint());
            if (step == 0 || bytes > TableFormat.ValueFileBytesCeiling || last + step < last)
            {
                reader.Fail();
            }

            last += step;
            values[i] = new ValueReference(last, (long)bytes);
        }

        return values;
    }
}
