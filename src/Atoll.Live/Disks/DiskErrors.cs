using System.Runtime.InteropServices;
using Atoll.Foundation.World;

namespace Atoll.Live.Disks;

/// <summary>What the operating system says about a file, in the words of <see cref="DiskStatus"/>.</summary>
internal static class DiskErrors
{
    // Numbers of Linux and macOS (errno), and of Windows as .NET packs them into HResult.
    private const int NotPermitted = 1;
    private const int NoSuchFile = 2;
    private const int AccessDenied = 13;
    private const int FileExists = 17;
    private const int InvalidArgument = 22;
    private const int NoSpace = 28;
    private const int ReadOnlyFileSystem = 30;
    private const int QuotaLinux = 122;
    private const int QuotaMac = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsFileExists = unchecked((int)0x80070050);

    /// <summary>True for exceptions that a file operation may end with; any other is an error of the program.</summary>
    public static bool IsOfTheDisk(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>The result that an exception of a file operation stands for.</summary>
    public static DiskResult FromException(Exception exception, string path)
    {
        var status = exception switch
        {
            FileNotFoundException or DirectoryNotFoundException => DiskStatus.NotFound,
            UnauthorizedAccessException => DiskStatus.Denied,
            _ => exception.HResult switch
            {
                NoSpace or WindowsDiskFull or WindowsHandleDiskFull => DiskStatus.Full,
                FileExists or WindowsFileExists => DiskStatus.Exists,
                ReadOnlyFileSystem => DiskStatus.Denied,
                var number when IsQuota(number) => DiskStatus.Full,
                _ => DiskStatus.Failed,
            },
        };
        return new DiskResult(status, 0, WithPath(exception.Message, path));
    }

    /// <summary>The result that an error number of a system call stands for.</summary>
    public static DiskResult FromNumber(int error, string path) => new(
        error switch
        {
            NoSuchFile => DiskStatus.NotFound,
            AccessDenied or NotPermitted or ReadOnlyFileSystem => DiskStatus.Denied,
            FileExists => DiskStatus.Exists,
            var number when IsFull(number) => DiskStatus.Full,
            _ => DiskStatus.Failed,
        },
        0,
        WithPath(Marshal.GetPInvokeErrorMessage(error), path));

    /// <summary>
    /// The result of a sync that failed. Even "no space" means here that pages which had been taken were dropped (museum, row 7).
    /// </summary>
    public static DiskResult FromSync(int error, string path) =>
        new(DiskStatus.Failed, 0, WithPath($"sync: {Marshal.GetPInvokeErrorMessage(error)}", path));

    /// <summary>True when the system does not know such an operation on such a file.</summary>
    public static bool IsInvalid(Exception exception) => exception is IOException { HResult: InvalidArgument };

    /// <summary>True for "no space left" and "quota exceeded".</summary>
    public static bool IsFull(int error) => error == NoSpace || IsQuota(error);

    private static bool IsQuota(int error) => error == (OperatingSystem.IsLinux() ? QuotaLinux : QuotaMac);

    private static string WithPath(string message, string path) =>
        message.Contains(path, StringComparison.Ordinal) ? message : $"{message} ({path})";
}
