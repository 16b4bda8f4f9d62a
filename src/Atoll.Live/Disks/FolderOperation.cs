using System.Runtime.ExceptionServices;
using Atoll.Foundation.World;
using Atoll.Live.Loops;

namespace Atoll.Live.Disks;

/// <summary>One operation on names rather than on an open file.</summary>
/// <typeparam name="T">What it brings besides how it ended.</typeparam>
internal sealed class FolderOperation<T> : IDiskWork, ILoopCompletion
{
    private readonly LiveDisk _disk;
    private readonly string _path;
    private readonly Func<(DiskResult Result, T Value)> _work;
    private readonly T _nothing;
    private readonly Action<DiskResult, T> _done;
    private (DiskResult Result, T Value) _outcome;
    private ExceptionDispatchInfo? _programError;

    /// <summary>An operation that has not begun.</summary>
    /// <param name="disk">Whose operation it is.</param>
    /// <param name="path">For the message of an error.</param>
    /// <param name="work">Runs on a disk thread; may throw what files throw.</param>
    /// <param name="nothing">The value when it failed.</param>
    /// <param name="done">Runs on the loop.</param>
    public FolderOperation(
        LiveDisk disk, string path, Func<(DiskResult Result, T Value)> work, T nothing, Action<DiskResult, T> done)
    {
        _disk = disk;
        _path = path;
        _work = work;
        _nothing = nothing;
        _done = done;
    }

    /// <inheritdoc />
    public void Run()
    {
        try
        {
            _outcome = _work();
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            _outcome = (DiskErrors.FromException(exception, _path), _nothing);
        }
        catch (Exception exception)
        {
            _programError = ExceptionDispatchInfo.Capture(exception);
        }

        _disk.Done(this);
    }

    /// <inheritdoc />
    public void Complete()
    {
        _disk.Ended();
        _programError?.Throw();
        _done(_outcome.Result, _outcome.Value);
    }
}
