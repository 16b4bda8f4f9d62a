using System.Runtime.ExceptionServices;
using Atoll.Foundation.World;
using Atoll.Live.Loops;

namespace Atoll.Live.Disks;

/// <summary>What is done with an open file.</summary>
internal enum DiskOperationKind : byte
{
    /// <summary>A write, perhaps with a sync.</summary>
    Write,

    /// <summary>A sync.</summary>
    Sync,

    /// <summary>A read.</summary>
    Read,

    /// <summary>A change of length.</summary>
    Truncate,

    /// <summary>The end of the handle.</summary>
    Close,
}

/// <summary>One operation on an open file, from the loop to a disk thread and back.</summary>
internal sealed class DiskOperation : ILoopCompletion
{
    private readonly LiveDisk _disk;
    private readonly Action<DiskResult>? _done;

    /// <summary>An operation that has not begun.</summary>
    public DiskOperation(LiveDisk disk, DiskOperationKind kind, Action<DiskResult>? done)
    {
        _disk = disk;
        Kind = kind;
        _done = done;
    }

    /// <summary>What is done.</summary>
    public DiskOperationKind Kind { get; }

    /// <summary>The position; for a truncation the new length.</summary>
    public long Offset { get; init; }

    /// <summary>What is written.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>Where to what is read goes.</summary>
    public Memory<byte> Buffer { get; init; }

    /// <summary>Whether the end means "durable".</summary>
    public bool IsSync { get; init; }

    /// <summary>How it ended.</summary>
    public DiskResult Result { get; set; }

    /// <summary>An error of the program on the disk thread; it is thrown on the loop, which stops.</summary>
    public ExceptionDispatchInfo? ProgramError { get; set; }

    /// <inheritdoc />
    public void Complete()
    {
        _disk.Ended();
        ProgramError?.Throw();
        _done?.Invoke(Result);
    }
}
