using System.Collections.Immutable;
using System.Text.Json;
using Atoll.Live.Nodes;
using Atoll.StateMachines.Directory;

namespace Atoll.Client.Hosting;

/// <summary>
/// Who founded the cluster, in a founder's data folder. The directory's first replicas are these for ever after: a founder that
/// came back with another list would count another majority.
/// </summary>
internal static class FoundersFile
{
    private const string Name = "founders.json";

    /// <summary>The founders; empty when the folder's node is none of them.</summary>
    /// <exception cref="DataFolderException">The file cannot be read.</exception>
    public static ImmutableArray<NodeInfo> Read(DataFolder folder)
    {
        var path = Path.Combine(folder.FolderPath, Name);
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            var founders = JsonSerializer.Deserialize<NodeInfo[]>(File.ReadAllBytes(path));
            return founders is { Length: > 0 } ? [.. founders] : throw new DataFolderException($"{path} names no founder");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new DataFolderException($"can't use the data folder {folder.FolderPath}: {path}: {error.Message}");
        }
    }

    /// <summary>Writes the founders, durably; to be done before the folder is claimed.</summary>
    /// <exception cref="DataFolderException">The file cannot be written.</exception>
    public static void Write(DataFolder folder, IReadOnlyList<NodeInfo> founders)
    {
        var path = Path.Combine(folder.FolderPath, Name);
        try
        {
            using (var beside = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write))
            {
                JsonSerializer.Serialize(beside, founders);
                beside.Flush(flushToDisk: true);
            }

            File.Move(path + ".tmp", path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataFolderException($"can't write {path}: {error.Message}");
        }
    }
}
