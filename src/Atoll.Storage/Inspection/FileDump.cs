using Atoll.Foundation.World;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>One part of a file: a header, a block, an entry, a batch, a record.</summary>
/// <param name="OffsetBytes">Where it begins.</param>
/// <param name="LengthBytes">Its length; of an entry that of its value.</param>
/// <param name="What">What it is, in words.</param>
public readonly record struct FilePart(long OffsetBytes, long LengthBytes, string What)
{
    /// <summary>The key of an entry, or the last one of what an index names, with its tree's number in front; or empty.</summary>
    public ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The value of an entry; null of others.</summary>
    public ReadOnlyMemory<byte>? Value { get; init; }

    /// <summary>What is wrong with it; null for nothing.</summary>
    public string? Damage { get; init; }
}

/// <summary>
/// Takes one file apart, by what it says itself: it need not belong to anything. Manifest, sorted files and journal segments are known.
/// </summary>
public static class FileDump
{
    /// <summary>Takes a file apart.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="name">The file.</param>
    /// <param name="take">Gets part after part; an answer of false ends it.</param>
    /// <param name="done">The end: null, or why the file cannot be taken apart.</param>
    public static void Run(IDisk disk, string name, Func<FilePart, bool> take, Action<string?> done) => disk.Open(name, (opened, file) =>
    {
        var own = name[(name.LastIndexOf('/') + 1)..];
        if (!opened.IsOk)
        {
            done(opened.Detail ?? "it cannot be opened");
        }
        else if (TableFormat.TryParseFileName(own, out var number))
        {
            new SortedFileDump(file!, number, take, done).Start();
        }
        else if (JournalFormat.TryParseSegmentName(own, out number))
        {
            new SegmentDump(file!, number, take, done).Start();
        }
        else if (own is ManifestFormat.Name or ManifestFormat.NewName)
        {
            Manifest(file!, take, done);
        }
        else
        {
            done("it is neither a manifest, nor a sorted file, nor a segment of a journal");
        }
    });

    private static void Manifest(IDiskFile file, Func<FilePart, bool> take, Action<string?> done)
    {
        var bytes = new byte[(int)Math.Min(file.LengthBytes, Array.MaxLength)];
        file.Read(0, bytes, result =>
        {
            if (result.IsOk)
            {
                ManifestParts(bytes.AsMemory(0, (int)result.Bytes), take);
            }

            done(result.IsOk ? null : result.Detail ?? "it cannot be read");
        });
    }

    private static void ManifestParts(ReadOnlyMemory<byte> bytes, Func<FilePart, bool> take)
    {
        for (long at = 0; at < bytes.Length;)
        {
            var more = true;
            var length = (long)ManifestFormat.BlockBytes;
            if (ManifestFormat.TryReadCopy(bytes, at, out var copy))
            {
                length = ManifestFormat.CopyBytes(copy.ContentBytes);
                var what = $"edit {copy.Sequence}, copy {copy.Copy}, format {copy.Version}: {Tell(bytes, at, copy)}";
                more = take(new FilePart(at, copy.ContentBytes, what));
            }
            else if (bytes.Span[(int)at..(int)Math.Min(at + length, bytes.Length)].IndexOfAnyExcept((byte)0) >= 0)
            {
                more = take(new FilePart(at, length, "block") { Damage = "no whole copy of an edit begins here" });
            }

            if (!more)
            {
                return;
            }

            at += length;
        }
    }

    private static string Tell(ReadOnlyMemory<byte> bytes, long at, in ManifestCopy copy)
    {
        if (!ManifestFormat.TryReadEdit(bytes, at, copy, out var edit))
        {
            return "not an edit that this program knows";
        }

        var parts = edit.Added.Select(static added => $"+{added.Meta.Number:x} (level {added.Level})")
            .Concat(edit.AddedValues.Select(static value => $"+{value.Number:x} (values)"))
            .Concat(edit.Removed.Select(static number => $"-{number:x}"))
            .Concat(edit.Moved.Select(static moved => $"{moved.Number:x} to level {moved.Level}"))
            .Concat(edit.Trees.Select(static point =>
                $"tree {point.Tree} of shard {point.Shard} applied {point.Applied}, {point.Count} records"))
            .Concat(edit.Dropped.Select(static tree => $"tree {tree} dropped"));
        return string.Join("; ", parts.Append($"next file {edit.NextFile:x}, next tree {edit.NextTree}"));
    }
}
