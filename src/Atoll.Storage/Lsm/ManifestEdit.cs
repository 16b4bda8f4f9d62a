using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Lsm;

/// <summary>How far one tree has come on disk.</summary>
/// <param name="Tree">The tree's number; none is ever given twice.</param>
/// <param name="Shard">Whose state it is.</param>
/// <param name="Applied">Entries of the shard's log up to this one are in it: replay starts behind.</param>
/// <param name="Count">Records in it, as its writer counts them.</param>
/// <param name="CollectedThrough">Of versions up to this one only the newest is kept: reads at a time before it are refused.</param>
internal readonly record struct TreePoint(ulong Tree, ShardId Shard, LogIndex Applied, long Count, ulong CollectedThrough);

/// <summary>One atomic change of what the store is made of; the first of a manifest is all of it.</summary>
internal sealed class ManifestEdit
{
    /// <summary>Files have lower numbers than this.</summary>
    public ulong NextFile { get; set; }

    /// <summary>Trees have lower numbers than this.</summary>
    public ulong NextTree { get; set; }

    /// <summary>Files that come in, and their levels.</summary>
    public List<(int Level, TableMeta Meta)> Added { get; } = [];

    /// <summary>Files that go.</summary>
    public List<ulong> Removed { get; } = [];

    /// <summary>Files that are in another level from now on.</summary>
    public List<(ulong Number, int Level)> Moved { get; } = [];

    /// <summary>Trees that are new or have come further; a shard's earlier tree goes when it gets a new one.</summary>
    public List<TreePoint> Trees { get; } = [];

    /// <summary>Trees that go, with all their keys.</summary>
    public List<ulong> Dropped { get; } = [];

    /// <summary>Value files that come in; one goes when no sorted file points into it any more.</summary>
    public List<ValueFileMeta> AddedValues { get; } = [];

    /// <summary>Writes it.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteUInt64(NextFile);
        writer.WriteUInt64(NextTree);
        writer.WriteVarint((ulong)Added.Count);
        foreach (var (level, meta) in Added)
        {
            writer.WriteByte((byte)level);
            meta.Write(writer);
        }

        writer.WriteVarint((ulong)Removed.Count);
        Removed.ForEach(writer.WriteUInt64);
        writer.WriteVarint((ulong)Moved.Count);
        foreach (var (number, level) in Moved)
        {
            writer.WriteUInt64(number);
            writer.WriteByte((byte)level);
        }

        writer.WriteVarint((ulong)Trees.Count);
        foreach (var point in Trees)
        {
            writer.WriteUInt64(point.Tree);
            writer.WriteUInt64(point.Shard.Value);
            writer.WriteUInt64(point.Applied.Value);
            writer.WriteUInt64((ulong)point.Count);
            writer.WriteUInt64(point.CollectedThrough);
        }

        writer.WriteVarint((ulong)Dropped.Count);
        Dropped.ForEach(writer.WriteUInt64);
        writer.WriteVarint((ulong)AddedValues.Count);
        foreach (var (number, lengthBytes) in AddedValues)
        {
            writer.WriteUInt64(number);
            writer.WriteVarint((ulong)lengthBytes);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; false when the bytes are not that.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="version">The format that they were written in.</param>
    /// <param name="edit">The edit.</param>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, uint version, out ManifestEdit edit)
    {
        var reader = new WireReader(bytes);
        edit = new ManifestEdit { NextFile = reader.ReadUInt64(), NextTree = reader.ReadUInt64() };
        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            edit.Added.Add((ReadLevel(ref reader), TableMeta.Read(ref reader, version)));
        }

        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            edit.Removed.Add(reader.ReadUInt64());
        }

        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            edit.Moved.Add((reader.ReadUInt64(), ReadLevel(ref reader)));
        }

        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            edit.Trees.Add(new TreePoint(
                reader.ReadUInt64(), new ShardId(reader.ReadUInt64()), new LogIndex(reader.ReadUInt64()),
                (long)reader.ReadUInt64(), reader.ReadUInt64()));
        }

        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            edit.Dropped.Add(reader.ReadUInt64());
        }

        if (version >= TableFormat.VersionOfValueFiles)
        {
            for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
            {
                var (number, lengthBytes) = (reader.ReadUInt64(), reader.ReadVarint());
                if (number == 0 || lengthBytes > TableFormat.ValueFileBytesCeiling)
                {
                    reader.Fail();
                }

                edit.AddedValues.Add(new ValueFileMeta(number, (long)lengthBytes));
            }
        }

        return reader.OkAtEnd;
    }

    private static int ReadLevel(ref WireReader reader)
    {
        var level = reader.ReadByte();
        if (level >= FileSet.LevelCount)
        {
            reader.Fail();
        }

        return level;
    }
}
