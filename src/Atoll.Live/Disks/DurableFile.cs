namespace Atoll.Live.Disks;

/// <summary>Whole files, for tools: there is always the old one or the new one, also after power was lost.</summary>
public static class DurableFile
{
    /// <summary>Writes a file beside, makes it durable, and renames it into place, over one that is there.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        var beside = path + ".new";
        using (var file = File.OpenHandle(beside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            RandomAccess.Write(file, bytes, 0);
            RandomAccess.FlushToDisk(file);
        }

        File.Move(beside, path, overwrite: true);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var synced = NativeFile.SyncFolder(folder);
        if (!synced.IsOk)
        {
            throw new IOException($"{folder}: {synced.Detail}");
        }
    }
}
