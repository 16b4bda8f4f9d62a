using System.Globalization;
using Atoll.Foundation.World;
using Atoll.Live.Disks;
using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Nodes;

/// <summary>
/// A node's folder, locked for this process. It holds the identity file and a folder for each loop ("loop-0", ...). The lock is the
/// operating system's, so it ends with the process, however that ends.
/// </summary>
public sealed class DataFolder : IDisposable
{
    private const string LockName = "lock";
    private const string OwnerName = "lock.pid";
    private const string IdentityName = "identity";
    private const string LoopPrefix = "loop-";

    private readonly SafeFileHandle? _lock;

    private DataFolder(string path, SafeFileHandle? handle)
    {
        FolderPath = path;
        _lock = handle;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>Whose the folder is; null when it is nobody's yet.</summary>
    public NodeIdentity? Identity { get; private set; }

    /// <summary>Makes the folder when it is missing, locks it, and reads whose it is.</summary>
    /// <exception cref="DataFolderException">It can't be used; the message says why and names the path.</exception>
    public static DataFolder Open(string path)
    {
        path = Path.GetFullPath(path);
        var folder = new DataFolder(path, Lock(path));
        try
        {
            folder.Read();
            return folder;
        }
        catch (DataFolderException)
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Locks the folder of a node that does not run, so that none starts on it meanwhile, and reads whose it is, without changing a byte.
    /// A copy of a folder may lack the lock's file, and the file that says whose it is.
    /// </summary>
    /// <exception cref="DataFolderException">There is none, it is in use, or it can't be read; the message says which.</exception>
    public static DataFolder OpenToRead(string path)
    {
        path = Path.GetFullPath(path);
        if (!Directory.Exists(path))
        {
            throw new DataFolderException($"there is no folder {path}");
        }

        var folder = new DataFolder(path, LockToRead(path));
        try
        {
            folder.Read(mayLackIdentity: true);
            return folder;
        }
        catch (DataFolderException)
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The loops that have a folder, ascending.</summary>
    /// <exception cref="DataFolderException">The folder can't be read.</exception>
    public IReadOnlyList<int> Loops()
    {
        try
        {
            var loops = new SortedSet<int>();
            foreach (var inner in Directory.EnumerateDirectories(FolderPath).Select(Path.GetFileName))
            {
                if (inner!.StartsWith(LoopPrefix, StringComparison.Ordinal)
                    && int.TryParse(inner.AsSpan(LoopPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var loop))
                {
                    loops.Add(loop);
                }
            }

            return [.. loops];
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            throw new DataFolderException($"can't read {FolderPath}: {exception.Message}");
        }
    }

    /// <summary>The folder of a loop's files.</summary>
    public string LoopFolder(int loop) => Path.Combine(FolderPath, string.Create(CultureInfo.InvariantCulture, $"{LoopPrefix}{loop}"));

    /// <summary>
    /// Makes the folder that node's, durably, when it is nobody's; otherwise checks that it is (its incarnation stays what it was).
    /// </summary>
    /// <exception cref="DataFolderException">It is another node's or cluster's, has other loops, or can't be written.</exception>
    public void Claim(NodeIdentity identity)
    {
        if (Identity is { } present)
        {
            var difference = present.ClusterId != identity.ClusterId
                ? $"it belongs to cluster {present.ClusterId:x16}, not {identity.ClusterId:x16}"
                : present.Node != identity.Node ? $"it belongs to node {present.Node}, not {identity.Node}"
                : present.LoopCount != identity.LoopCount
                    ? $"its data is spread over {present.LoopCount} loops, not {identity.LoopCount}: start the node with that number"
                    : null;
            if (difference is not null)
            {
                throw new DataFolderException($"can't use the data folder {FolderPath}: {difference}");
            }

            return;
        }

        Write(identity);
        Identity = identity;
    }

    /// <summary>Unlocks the folder.</summary>
    public void Dispose() => _lock?.Dispose();

    private static SafeFileHandle Lock(string path)
    {
        SafeFileHandle handle;
        var isLocked = false;
        try
        {
            Directory.CreateDirectory(path);
            isLocked = true;
            handle = File.OpenHandle(Path.Combine(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            isLocked = false;
            File.WriteAllText(Path.Combine(path, OwnerName), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return handle;
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            throw Refused(path, exception, isLocked);
        }
    }

    // A lock for reading is the same lock: nothing is written, not even who has it.
    private static SafeFileHandle? LockToRead(string path)
    {
        try
        {
            var file = Path.Combine(path, LockName);
            return File.Exists(file) ? File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.None) : null;
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            throw Refused(path, exception, isLocked: true);
        }
    }

    private static DataFolderException Refused(string path, Exception exception, bool isLocked)
    {
        var isSharing = isLocked && DiskErrors.FromException(exception, path).Status == DiskStatus.Failed;
        return new DataFolderException(isSharing
            ? $"the data folder {path} is in use by process {Owner(path)}"
            : $"can't use the data folder {path}: {exception.Message}");
    }

    private static string Owner(string path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(path, OwnerName)).Trim();
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            return $"unknown ({exception.Message})";
        }
    }

    private void Read(bool mayLackIdentity = false)
    {
        var path = Path.Combine(FolderPath, IdentityName);
        string text;
        try
        {
            if (!File.Exists(path))
            {
                // Without it nobody may guess whose the data is.
                if (!mayLackIdentity && Directory.Exists(LoopFolder(0)))
                {
                    throw new DataFolderException($"the data folder {FolderPath} holds data, but its file \"{IdentityName}\" is missing");
                }

                return;
            }

            text = File.ReadAllText(path);
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            throw new DataFolderException($"can't read {path}: {exception.Message}");
        }

        if (NodeIdentity.TryParse(text, out var identity) is { } why)
        {
            throw new DataFolderException($"can't use the data folder {FolderPath}: {path}: {why}");
        }

        Identity = identity;
    }

    private void Write(NodeIdentity identity)
    {
        var path = Path.Combine(FolderPath, IdentityName);
        try
        {
            using (var beside = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write))
            {
                beside.Write(System.Text.Encoding.UTF8.GetBytes(identity.Format()));
                beside.Flush(flushToDisk: true);
            }

            File.Move(path + ".tmp", path, overwrite: true);
            var synced = NativeFile.SyncFolder(FolderPath);
            if (!synced.IsOk)
            {
                throw new DataFolderException($"can't write {path}: {synced.Detail}");
            }
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            throw new DataFolderException($"can't write {path}: {exception.Message}");
        }
    }
}

/// <summary>A data folder can't be used; the message is for people, and says why and which.</summary>
public sealed class DataFolderException : Exception
{
    /// <summary>An exception that names the folder.</summary>
    public DataFolderException(string message) : base(message)
    {
    }

    /// <summary>An exception without a message.</summary>
    public DataFolderException()
    {
    }

    /// <summary>An exception with a cause.</summary>
    public DataFolderException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
