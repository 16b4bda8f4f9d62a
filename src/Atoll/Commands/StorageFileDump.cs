using System.Text.Json;
using Atoll.Live.Disks;
using Atoll.Live.Nodes;
using Atoll.Output;
using Atoll.Storage.Inspection;

namespace Atoll.Commands;

/// <summary>Prints the parts of one file of a data folder, one behind the other.</summary>
internal static class StorageFileDump
{
    /// <summary>Prints at most so many parts; says by the exit code whether one is damaged.</summary>
    public static int Run(Printer printer, DataFolder data, string name, long limit, CancellationToken cancellation)
    {
        var path = Path.GetFullPath(name, data.FolderPath);
        if (!path.StartsWith(data.FolderPath + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(path))
        {
            throw new CommandException(ExitCode.NotFound, $"there is no file {name} in {data.FolderPath}");
        }

        var (isDone, isCut, isDamaged) = (false, false, false);
        var printed = 0L;
        using var disk = new ShadowDisk(Path.GetDirectoryName(path)!);
        StorageCommands.Run(disk, () => isDone, () => FileDump.Run(disk, Path.GetFileName(path), Take, why =>
        {
            isDone = true;
            if (why is not null)
            {
                throw new CommandException(ExitCode.Damaged, $"{name}: {why}");
            }
        }));
        if (isCut)
        {
            Printer.Remark($"atoll: there are more than {limit} parts (--limit)");
        }

        return isDamaged ? ExitCode.Damaged : ExitCode.Ok;

        bool Take(FilePart part)
        {
            cancellation.ThrowIfCancellationRequested();
            if (printed++ == limit)
            {
                isCut = true;
                return false;
            }

            isDamaged |= part.Damage is not null;
            Print(printer, part);
            return true;
        }
    }

    private static void Print(Printer printer, FilePart part)
    {
        var key = part.Key.IsEmpty ? "" : $" {StoredText.OfKey(part.Key)}";
        var value = part.Value is { } bytes ? $": {StoredText.Of(bytes.Span)}" : "";
        var damage = part.Damage is null ? "" : $" DAMAGED: {part.Damage}";
        printer.Result($"{part.OffsetBytes,12} {part.LengthBytes,8} {part.What}{key}{value}{damage}", writer =>
        {
            writer.WriteNumber("offset", part.OffsetBytes);
            writer.WriteNumber("bytes", part.LengthBytes);
            writer.WriteString("what", part.What);
            if (!part.Key.IsEmpty)
            {
                writer.WriteString("key", StoredText.OfKey(part.Key));
            }

            if (part.Value is { } content)
            {
                StoredText.WriteJson(writer, "value", content.Span);
            }

            if (part.Damage is not null)
            {
                writer.WriteString("damage", part.Damage);
            }
        });
    }
}
