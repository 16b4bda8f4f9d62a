using System.Runtime.InteropServices;
using Atoll.Foundation.World;
using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Disks;

/// <summary>
/// The calls of the operating system that .NET has no name for: fdatasync (one journal commit of the file system less than fsync when
/// the file's length does not change), fallocate, and fsync of a folder. Elsewhere than on Linux the portable ones stand in.
/// </summary>
internal static partial class NativeFile
{
    private const int ErrorInterrupted = 4;
    private const int OpenReadOnly = 0;
    private const int OpenReadWrite = 2;
    private const int OpenCloseOnExec = 0x80000;

    /// <summary>Makes a file's bytes, and its length, durable.</summary>
    public static DiskResult SyncData(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return DiskResult.Success;
        }

        while (FileDataSync(file) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != ErrorInterrupted)
            {
                return DiskErrors.FromSync(error, path);
            }
        }

        return DiskResult.Success;
    }

    /// <summary>Asks the file system for room, where it can say so at once; others find out while they write.</summary>
    public static DiskResult Reserve(SafeFileHandle file, long lengthBytes, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return DiskResult.Success;
        }

        while (FileAllocate(file, 0, 0, lengthBytes) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (DiskErrors.IsFull(error))
            {
                return DiskErrors.FromNumber(error, path);
            }

            // Any other answer is that this file system does not know the call: writing the zeros decides.
            if (error != ErrorInterrupted)
            {
                break;
            }
        }

        return DiskResult.Success;
    }

    /// <summary>Makes a folder's list of names durable. Windows does so by itself.</summary>
    public static DiskResult SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return DiskResult.Success;
        }

        var folder = OpenFile(path, OpenReadOnly);
        if (folder < 0)
        {
            return DiskErrors.FromNumber(Marshal.GetLastPInvokeError(), path);
        }

        try
        {
            while (FileSync(folder) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != ErrorInterrupted)
                {
                    return DiskErrors.FromSync(error, path);
                }
            }

            return DiskResult.Success;
        }
        finally
        {
            _ = CloseFile(folder);
        }
    }

    /// <summary>The same file once more, for writes past the file cache; null where there is no such thing.</summary>
    public static SafeFileHandle? OpenDirect(SafeFileHandle file)
    {
        var direct = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 0x4000,
            Architecture.Arm64 => 0x10000,
            _ => 0,
        };
        if (!OperatingSystem.IsLinux() || direct == 0)
        {
            return null;
        }

        // By its number, not by its name, which may be another file's by now.
        var opened = OpenFile($"/proc/self/fd/{file.DangerousGetHandle()}", OpenReadWrite | OpenCloseOnExec | direct);
        return opened < 0 ? null : new SafeFileHandle(opened, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FileDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FileSync(int file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FileAllocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseFile(int file);
}
