namespace Atoll.Foundation.World;

/// <summary>How a disk operation ended.</summary>
public enum DiskStatus : byte
{
    /// <summary>Done, as asked.</summary>
    Ok = 0,

    /// <summary>There is no such file.</summary>
    NotFound = 1,

    /// <summary>There is such a file already.</summary>
    Exists = 2,

    /// <summary>No space left: nothing of this operation can be relied on, everything before it stands.</summary>
    Full = 3,

    /// <summary>The operating system refuses access.</summary>
    Denied = 4,

    /// <summary>
    /// The device failed. After a failed write or sync the file must not be trusted or written again: pages may have been dropped
    /// although a later sync says yes (museum, row 7).
    /// </summary>
    Failed = 5,
}

/// <summary>The end of a disk operation.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Bytes">Bytes read or written; for reads, fewer than asked means the end of the file.</param>
/// <param name="Detail">What the system said, for people; null when Ok.</param>
public readonly record struct DiskResult(DiskStatus Status, long Bytes = 0, string? Detail = null)
{
    /// <summary>Done, as asked.</summary>
    public static readonly DiskResult Success = new(DiskStatus.Ok);

    /// <summary>True when it was done as asked.</summary>
    public bool IsOk => Status == DiskStatus.Ok;
}

/// <summary>A file as a listing shows it.</summary>
/// <param name="Name">The name within the listed folder.</param>
/// <param name="LengthBytes">Its length.</param>
public readonly record struct DiskEntry(string Name, long LengthBytes);

/// <summary>
/// One loop's files. Every operation returns at once; its end comes later, as a call of the given delegate on the loop. Names are relative,
/// with '/' between folders, which come into being by themselves. Operations on one file take effect in the order they were
/// asked for; operations on different files in any order.
/// </summary>
public interface IDisk
{
    /// <summary>Makes a new file, with its name durable, and opens it.</summary>
    /// <param name="name">Where; <see cref="DiskStatus.Exists"/> when taken.</param>
    /// <param name="preallocateBytes">Zero-filled room to take from the file system at once (the file then has this length), or 0.</param>
    /// <param name="done">The end; the file is null unless Ok.</param>
    void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done);

    /// <summary>Opens a file for reading and writing.</summary>
    void Open(string name, Action<DiskResult, IDiskFile?> done);

    /// <summary>The files (not folders) right in a folder, by ordinal name; a missing folder is empty.</summary>
    void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done);

    /// <summary>The folders right in a folder, by ordinal name; a missing folder is empty.</summary>
    void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done);

    /// <summary>Renames atomically, replacing what had the new name; durable at the end. Sync the file's content first.</summary>
    void Rename(string from, string to, Action<DiskResult> done);

    /// <summary>Removes a file, durably at the end. Open handles of it must have been closed.</summary>
    void Delete(string name, Action<DiskResult> done);

    /// <summary>Free bytes for this loop's files, in <see cref="DiskResult.Bytes"/>.</summary>
    void FreeSpace(Action<DiskResult> done);
}

/// <summary>An open file.</summary>
public interface IDiskFile
{
    /// <summary>The name that it was opened by.</summary>
    string Name { get; }

    /// <summary>Its length in bytes, writes under way included.</summary>
    long LengthBytes { get; }

    /// <summary>Writes at a position, growing the file where needed. The bytes must not change until the end.</summary>
    /// <param name="offset">Where, in bytes.</param>
    /// <param name="data">What.</param>
    /// <param name="sync">Whether the end means "durable, with everything written to this file before" (fdatasync).</param>
    /// <param name="done">The end: all bytes, or an error.</param>
    void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done);

    /// <summary>Reads from a position until the buffer or the file is full or over.</summary>
    void Read(long offset, Memory<byte> buffer, Action<DiskResult> done);

    /// <summary>Makes everything written to this file before durable (fdatasync).</summary>
    void Sync(Action<DiskResult> done);

    /// <summary>Cuts or grows (with zeros) the file to that length, durably at the end.</summary>
    void Truncate(long lengthBytes, Action<DiskResult> done);

    /// <summary>Lets go of the file after the operations under way.</summary>
    void Close();
}
