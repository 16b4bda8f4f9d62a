using System.Text.Json;

namespace Atoll.Importing;

/// <summary>How far an import has come, in a file beside it: everything before the offset is in the cluster.</summary>
/// <param name="File">The imported file's full path.</param>
/// <param name="FileBytes">Its length.</param>
/// <param name="FileModified">When it was last written, in UTC ticks.</param>
/// <param name="Settings">The space and the options that decide keys and values.</param>
/// <param name="Offset">Where the first row lies that may be missing.</param>
/// <param name="Rows">Rows before it.</param>
public sealed record ImportCheckpoint(string File, long FileBytes, long FileModified, string Settings, long Offset, long Rows)
{
    /// <summary>The checkpoint of that file; null when there is none.</summary>
    /// <exception cref="RowFormatException">The file is not a checkpoint.</exception>
    public static ImportCheckpoint? Load(string path)
    {
        if (!System.IO.File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<ImportCheckpoint>(System.IO.File.ReadAllBytes(path))
                ?? throw new RowFormatException($"{path} is not a checkpoint; remove it, or give --restart");
        }
        catch (JsonException)
        {
            throw new RowFormatException($"{path} is not a checkpoint; remove it, or give --restart");
        }
    }

    /// <summary>Whether it was made by the same import of the same file.</summary>
    public bool Fits(ImportCheckpoint other) =>
        File == other.File && FileBytes == other.FileBytes && FileModified == other.FileModified && Settings == other.Settings;

    /// <summary>Writes it beside and renames it into place, so that there is always a whole one.</summary>
    public void Save(string path)
    {
        System.IO.File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(this));
        System.IO.File.Move(path + ".new", path, overwrite: true);
    }
}
