using System.Text.Json;
using Atoll.Live.Disks;

namespace Atoll.Backups;

/// <summary>How far a restore has come, in a file of its own: what a later run need not put again.</summary>
/// <param name="Backup">The SHA-256 of the backup's manifest.</param>
/// <param name="Cluster">The cluster that it is restored into.</param>
/// <param name="Spaces">The spaces that it writes: the backup's name, the new name, and the new space's number.</param>
/// <param name="Segments">Positions, in the manifest, of the segments that are in.</param>
/// <param name="LeftOut">Records of these that had expired.</param>
public sealed record RestoreCheckpoint(
    string Backup, string Cluster, IReadOnlyList<string> Spaces, IReadOnlyList<int> Segments, long LeftOut)
{
    /// <summary>The checkpoint in a file; null when there is none.</summary>
    /// <exception cref="BackupException">The file is none.</exception>
    public static RestoreCheckpoint? Load(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<RestoreCheckpoint>(File.ReadAllBytes(path)) : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{path} is not the checkpoint of a restore; remove it", error);
        }
    }

    /// <summary>Whether it is of the same restore.</summary>
    public bool Fits(RestoreCheckpoint other) =>
        Backup == other.Backup && Cluster == other.Cluster && Spaces.SequenceEqual(other.Spaces, StringComparer.Ordinal);

    /// <summary>Writes it, so that there is always a whole one.</summary>
    public void Save(string path) => DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this));
}
