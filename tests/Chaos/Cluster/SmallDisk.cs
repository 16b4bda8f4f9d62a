using System.Globalization;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>A file system in memory that is soon full, and can be given more room while it is used.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    /// <summary>Why there can't be one here; null when there can.</summary>
    public static string? Missing { get; } =
        !OperatingSystem.IsLinux() ? "a small disk is a tmpfs, which only Linux has"
        : Environment.UserName != "root" ? "a small disk is mounted, which only root may do: run the tests as root"
        : null;

    /// <summary>Where it is mounted.</summary>
    public string Folder { get; }

    /// <summary>Mounts one of that size in a new folder.</summary>
    public static SmallDisk Mount(string folder, int sizeMiB)
    {
        Directory.CreateDirectory(folder);
        ShellCommand.Run("mount", "-t", "tmpfs", "-o", Size(sizeMiB), "tmpfs", folder);
        return new SmallDisk(folder);
    }

    /// <summary>Gives it another size.</summary>
    public void Resize(int sizeMiB) => ShellCommand.Run("mount", "-o", "remount," + Size(sizeMiB), Folder);

    /// <inheritdoc />
    public void Dispose() => ShellCommand.Run("umount", "-l", Folder);

    private static string Size(int sizeMiB) => string.Create(CultureInfo.InvariantCulture, $"size={sizeMiB}m");
}
