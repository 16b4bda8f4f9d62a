using System.Globalization;
using System.Security.Cryptography;
using Atoll.Live.Disks;

namespace Atoll.Backups;

/// <summary>The folder that a backup is written to.</summary>
public sealed class BackupFolder
{
    /// <summary>The folder of segments in a backup's folder.</summary>
    public const string Segments = "segments";

    private int _lastNumber;

    private BackupFolder(string path) => FullPath = path;

    /// <summary>Where it is.</summary>
    public string FullPath { get; }

    /// <summary>What a backup that was broken off has left there; null when there is none.</summary>
    public BackupManifest? Partial { get; private init; }

    /// <summary>Opens or makes the folder.</summary>
    /// <exception cref="BackupException">It holds a complete backup, or cannot be used.</exception>
    public static BackupFolder Open(string path)
    {
        try
        {
            var full = Path.GetFullPath(path);
            if (File.Exists(Path.Combine(full, BackupManifest.FileName)))
            {
                throw new BackupException($"{full} holds a backup already: give a folder of its own to each, and this one as --base");
            }

            Directory.CreateDirectory(Path.Combine(full, Segments));
            var folder = new BackupFolder(full) { Partial = LoadPartial(full) };
            foreach (var file in Directory.EnumerateFiles(Path.Combine(full, Segments)))
            {
                if (int.TryParse(
                    Path.GetFileNameWithoutExtension(file), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number))
                {
                    folder._lastNumber = Math.Max(folder._lastNumber, number);
                }
            }

            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{path} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>Writes a segment's file; thread-safe.</summary>
    /// <returns>Its name and SHA-256.</returns>
    public (string File, string Sha256) Write(byte[] segment)
    {
        var name = Interlocked.Increment(ref _lastNumber).ToString("x8", CultureInfo.InvariantCulture) + ".seg";
        DurableFile.Write(Path.Combine(FullPath, Segments, name), segment);
        return (name, Convert.ToHexStringLower(SHA256.HashData(segment)));
    }

    /// <summary>Notes what there is so far, for a backup that goes on after this one was broken off.</summary>
    public void SavePartial(BackupManifest manifest) => manifest.Save(Path.Combine(FullPath, BackupManifest.PartialFileName));

    /// <summary>Completes the backup.</summary>
    public void Complete(BackupManifest manifest)
    {
        manifest.Save(Path.Combine(FullPath, BackupManifest.FileName));
        File.Delete(Path.Combine(FullPath, BackupManifest.PartialFileName));
        var used = manifest.Segments.Where(segment => segment.Folder is null).Select(segment => segment.File).ToHashSet();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(FullPath, Segments)))
        {
            if (!used.Contains(Path.GetFileName(file)))
            {
                File.Delete(file);
            }
        }
    }

    // What a broken-off backup has left may be used, but need not be.
    private static BackupManifest? LoadPartial(string folder)
    {
        try
        {
            return BackupManifest.Load(folder, BackupManifest.PartialFileName);
        }
        catch (BackupException)
        {
            return null;
        }
    }
}
