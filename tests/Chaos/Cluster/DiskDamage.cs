using System.Globalization;
using System.Security.Cryptography;
using Atoll.Foundation.Randomness;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>Kinds of files of a node.</summary>
internal enum DamagedFile
{
    /// <summary>A segment of the journal.</summary>
    Segment = 0,

    /// <summary>A sorted file of the store.</summary>
    SortedFile = 1,

    /// <summary>A value file of the store.</summary>
    ValueFile = 2,

    /// <summary>The store's manifest.</summary>
    Manifest = 3,

    /// <summary>A snapshot that was taken for a follower.</summary>
    Snapshot = 4,
}

/// <summary>Damage in real files: <c>dd</c> writes other bytes into them.</summary>
internal static class DiskDamage
{
    private const int BlockBytes = 4096;
    private const int DamagedBytes = 16;

    /// <summary>Overwrites a few bytes at a random place that is in use; says where, or null when the node has no such file.</summary>
    /// <param name="folder">The node's data.</param>
    /// <param name="kind">What to damage.</param>
    /// <param name="prng">Chooses the place.</param>
    /// <param name="spareEnd">
    /// Whether the end of a journal is left alone: after a kill, its last batches may pass for torn (docs/log.md, "Torn or corrupt").
    /// </param>
    public static string? Overwrite(string folder, DamagedFile kind, Prng prng, bool spareEnd)
    {
        var pattern = kind switch
        {
            DamagedFile.Segment => "*.log",
            DamagedFile.SortedFile => "*.sst",
            DamagedFile.ValueFile => "*.val",
            DamagedFile.Manifest => "MANIFEST",
            _ => "*.snap",
        };
        var files = Directory.GetFiles(folder, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => (Name: file, Used: UsedBytes(file))).Where(file => file.Used > 2 * BlockBytes).ToList();
        if (files.Count == 0)
        {
            return null;
        }

        var (name, used) = prng.Pick(files);
        var end = kind == DamagedFile.Segment && spareEnd ? used / 2 : used;
        var offset = (long)prng.NextBelow((ulong)end);
        offset = Math.Min(offset, (offset / BlockBytes * BlockBytes) + BlockBytes - DamagedBytes); // in one block
        return TryOverwrite(name, offset)
            ? string.Create(CultureInfo.InvariantCulture, $"{name} at {offset}")
            : Overwrite(folder, kind, prng, spareEnd); // merged away meanwhile: another one
    }

    /// <summary>Overwrites a few bytes; false when there is no such file any more.</summary>
    public static bool TryOverwrite(string file, long offset)
    {
        try
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.Write(handle, RandomNumberGenerator.GetBytes(DamagedBytes), offset);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    // What lies behind was made in advance, and is zeros.
    private static long UsedBytes(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var buffer = new byte[1024 * 1024];
            var used = 0L;
            for (int read, at = 0; (read = stream.Read(buffer)) > 0; at += read)
            {
                var last = buffer.AsSpan(0, read).LastIndexOfAnyExcept((byte)0);
                used = last < 0 ? used : at + last + 1;
            }

            return used;
        }
        catch (FileNotFoundException)
        {
            return 0; // merged away meanwhile
        }
    }
}
