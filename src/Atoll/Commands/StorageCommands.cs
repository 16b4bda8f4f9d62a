using System.CommandLine;
using Atoll.Live.Disks;
using Atoll.Live.Nodes;
using Atoll.Output;
using Atoll.Storage.Inspection;

namespace Atoll.Commands;

/// <summary><c>atoll storage</c>: looks into the folder of a node that does not run, and never changes a byte of it.</summary>
internal static class StorageCommands
{
    public static Command Create(ClientOptions client) => new(
        "storage", "Look into the data folder of a node that does not run; nothing in it is ever changed")
    {
        StorageInspectCommand.Create(client),
        StorageVerifyCommand.Create(client),
        StorageDumpCommand.Create(client),
    };

    public static Argument<DirectoryInfo> FolderArgument() => new("data-folder") { Description = "The node's data folder" };

    /// <summary>Locks the folder, so that no node starts on it meanwhile.</summary>
    public static DataFolder Open(DirectoryInfo folder)
    {
        try
        {
            return DataFolder.OpenToRead(folder.FullName);
        }
        catch (DataFolderException error)
        {
            var isInUse = error.Message.Contains("in use", StringComparison.Ordinal);
            throw new CommandException(isInUse ? ExitCode.Unavailable : ExitCode.Usage, isInUse
                ? $"{error.Message}: stop the node and try again, or see what it says of itself with \"atoll status\""
                : error.Message);
        }
    }

    /// <summary>Opens a loop's files as the node would, in memory only.</summary>
    public static LoopStorage Open(ShadowDisk disk)
    {
        LoopStorage? loop = null;
        Run(disk, () => loop is not null, () => LoopStorage.Open(disk, opened => loop = opened));
        return loop!;
    }

    /// <summary>Begins something, and does the disk's work until it has ended.</summary>
    public static void Run(ShadowDisk disk, Func<bool> isDone, Action begin)
    {
        begin();
        if (!disk.RunUntil(isDone))
        {
            throw new CommandException(ExitCode.Failed, "the examination has come to a halt");
        }
    }
}
