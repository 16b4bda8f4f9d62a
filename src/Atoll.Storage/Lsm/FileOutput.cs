using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A new file that is written from its beginning to its end: one write at a time, what comes meanwhile is gathered for the next. After an
/// error nothing more is written, and the file is deleted.
/// </summary>
internal sealed class FileOutput
{
    // Many files are short: the buffers grow to the length of a transfer as they are filled.
    private const int BufferBytesMin = 4 * 1024;

    private readonly IDisk _disk;
    private readonly int _transferBytes;
    private byte[] _filling;
    private byte[] _spare;
    private int _filled;
    private long _written;
    private IDiskFile? _file;
    private bool _isBusy;
    private bool _isClosed;
    private Action<DiskResult>? _done;

    /// <summary>Makes the file.</summary>
    public FileOutput(IDisk disk, string name, int transferBytes)
    {
        _disk = disk;
        _transferBytes = transferBytes;
        _filling = [];
        _spare = [];
        Name = name;
        _isBusy = true;
        disk.Create(name, 0, (result, file) =>
        {
            _file = file;
            Ended(result);
        });
    }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>Bytes taken so far.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>
    /// Bytes that wait for the disk. What only waits for more to come, until there is enough for a write, is not among them: whoever waited
    /// for it would wait for ever.
    /// </summary>
    public long PendingBytes => _isBusy ? LengthBytes - _written : 0;

    /// <summary>What went wrong first; Ok as long as nothing did.</summary>
    public DiskResult Error { get; private set; } = DiskResult.Success;

    /// <summary>Called when the disk has taken something, or failed.</summary>
    public Action? Progress { get; set; }

    /// <summary>Takes bytes, and copies them.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Check.That(_done is null && !_isClosed);
        LengthBytes += bytes.Length;
        if (!Error.IsOk)
        {
            return;
        }

        if (_filling.Length - _filled < bytes.Length)
        {
            var length = Math.Max(Math.Max(_filling.Length * 2, BufferBytesMin), _filled + bytes.Length);
            Array.Resize(ref _filling, length);
        }

        bytes.CopyTo(_filling.AsSpan(_filled));
        _filled += bytes.Length;
        Continue();
    }

    /// <summary>Makes everything durable and closes the file; or, after an error, deletes it and says what it was.</summary>
    public void Finish(Action<DiskResult> done)
    {
        Check.That(_done is null && !_isClosed);
        _done = done;
        Continue();
    }

    /// <summary>Gives up: the file is deleted when the disk is done with it.</summary>
    public void Abandon(Action? gone = null)
    {
        if (Error.IsOk)
        {
            Error = new DiskResult(DiskStatus.Failed, 0, "given up");
        }

        _done = _ => gone?.Invoke();
        Continue();
    }

    private void Continue()
    {
        if (_isBusy || _isClosed)
        {
            return;
        }

        if (!Error.IsOk)
        {
            if (_done is not null)
            {
                Delete();
            }
        }
        else if (_filled >= _transferBytes || (_filled > 0 && _done is not null))
        {
            // The disk has one buffer, the other one fills.
            var (bytes, length) = (_filling, _filled);
            (_filling, _spare, _filled) = (_spare, bytes, 0);
            _isBusy = true;
            _file!.Write(_written, bytes.AsMemory(0, length), false, result =>
            {
                _written += result.IsOk ? length : 0;
                Ended(result);
            });
        }
        else if (_done is not null)
        {
            _isBusy = true;
            _file!.Sync(result =>
            {
                if (!result.IsOk)
                {
                    Ended(result);
                    return;
                }

                _isClosed = true;
                _file.Close();
                _done(DiskResult.Success);
            });
        }
    }

    private void Ended(DiskResult result)
    {
        _isBusy = false;
        if (!result.IsOk && Error.IsOk)
        {
            Error = result;
        }

        Continue();
        Progress?.Invoke();
    }

    // What cannot be deleted now is an orphan that the next opening deletes.
    private void Delete()
    {
        _isClosed = true;
        if (_file is null)
        {
            _done!(Error);
            return;
        }

        _file.Close();
        _disk.Delete(Name, _ => _done!(Error));
    }
}
