using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// The value files that sorted files of a store point into, those that only snapshots keep included. A file goes with the last of them.
/// </summary>
internal sealed class ValueFileSet(IDisk disk, string folder, ulong identity, Action<StoreFault> found)
{
    private readonly SortedDictionary<ulong, ValueFile> _files = [];

    /// <summary>
    /// Of the value files that a manifest has named, takes those that are still pointed into; returns what cannot be.
    /// </summary>
    /// <param name="tables">The sorted files in use.</param>
    /// <param name="named">All value files that came in.</param>
    /// <param name="needed">Where those that are needed go.</param>
    public static string? TryTakeNeeded(
        IEnumerable<TableMeta> tables, SortedDictionary<ulong, ValueFileMeta> named, List<ValueFileMeta> needed)
    {
        var liveBytes = new SortedDictionary<ulong, long>();
        foreach (var (number, bytes) in tables.SelectMany(static meta => meta.Values))
        {
            liveBytes[number] = liveBytes.GetValueOrDefault(number) + bytes;
        }

        foreach (var (number, bytes) in liveBytes)
        {
            if (!named.TryGetValue(number, out var meta))
            {
                return $"a file points into value file {number:x}, which is not there";
            }

            if (bytes > meta.LengthBytes)
            {
                return $"files point to {bytes} bytes of value file {number:x}, which has {meta.LengthBytes}";
            }

            needed.Add(meta);
        }

        return null;
    }

    /// <summary>A file; null when nothing points into it.</summary>
    public ValueFile? Find(ulong number) => _files.GetValueOrDefault(number);

    /// <summary>Takes a file in; a sorted file that points into it follows.</summary>
    public void Add(ValueFileMeta meta) => _files.Add(meta.Number, new ValueFile(disk, folder, identity, meta) { Found = found });

    /// <summary>The files that a sorted file points into; they stay until it lets go of them.</summary>
    public ValueFile[] Hold(ValueReference[] references)
    {
        var held = new ValueFile[references.Length];
        for (var i = 0; i < held.Length; i++)
        {
            // A pointer into a file that no manifest names is damage that merges copy as it is: reads of it find no place in no file.
            if (Find(references[i].File) is null)
            {
                Add(new ValueFileMeta(references[i].File, 0));
            }

            held[i] = _files[references[i].File];
            held[i].References++;
        }

        return held;
    }

    /// <summary>Lets go of files. What cannot be deleted now is an orphan that the next opening deletes.</summary>
    public void Release(ValueFile[] held)
    {
        foreach (var file in held)
        {
            if (--file.References == 0)
            {
                _files.Remove(file.Meta.Number);
                file.Close();
                disk.Delete(file.Name, static _ => { });
            }
        }
    }
}
