using System.Buffers.Binary;
using Atoll.Simulation.Disks;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>What is where in the files of a loop, seen from outside (docs/log.md).</summary>
internal static class JournalFiles
{
    private const int BlockBytes = 4096;
    private const uint BatchMagic = 0x54425441;

    /// <summary>Where batches begin, oldest first.</summary>
    public static List<(string Name, long Offset)> BatchesOf(SimDisk disk)
    {
        var batches = new List<(string, long)>();
        foreach (var name in FilesOf(disk, "journal/"))
        {
            var content = disk.Content(name)!;
            for (var offset = 2 * BlockBytes; offset + 4 <= content.Length; offset += BlockBytes)
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(offset)) == BatchMagic)
                {
                    batches.Add((name, offset));
                }
            }
        }

        return batches;
    }

    /// <summary>Places of bytes that are not zero, so many, spread over all files of a folder.</summary>
    public static List<(string Name, long Offset)> UsedPlaces(SimDisk disk, string folder, int count)
    {
        var places = new List<(string, long)>();
        foreach (var name in FilesOf(disk, folder))
        {
            var content = disk.Content(name)!;
            for (var offset = 0; offset < content.Length; offset++)
            {
                if (content[offset] != 0)
                {
                    places.Add((name, offset));
                }
            }
        }

        return [.. Enumerable.Range(0, count).Select(i => places[(int)((i + 0.5) * places.Count / count)])];
    }

    private static IEnumerable<string> FilesOf(SimDisk disk, string folder) =>
        disk.FileNames.Where(name => name.StartsWith(folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
