using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>Looks at a file from its start to its end by large reads.</summary>
internal sealed class ReadWindow
{
    private const int ReadBytes = 4 * 1024 * 1024;

    private byte[] _buffer = [];
    private IDiskFile? _file;
    private long _start;
    private int _length;

    /// <summary>Where the file ends.</summary>
    public long FileBytes { get; private set; }

    /// <summary>Goes to the start of a file.</summary>
    public void Reset(IDiskFile file)
    {
        _file = file;
        Forget();
    }

    /// <summary>Forgets what was read: the next look goes to the disk again.</summary>
    public void Forget()
    {
        _length = 0;
        FileBytes = _file!.LengthBytes;
    }

    /// <summary>The bytes at an offset, fewer at the end of the file; false when they have to be loaded first.</summary>
    public bool TryGet(long offset, long length, out ReadOnlySpan<byte> bytes)
    {
        length = Math.Clamp(length, 0, Math.Max(0, FileBytes - offset));
        var isThere = length == 0 || (offset >= _start && offset + length <= _start + _length);
        bytes = length > 0 && isThere ? _buffer.AsSpan((int)(offset - _start), (int)length) : [];
        return isThere;
    }

    /// <summary>Loads the bytes at an offset, and what follows them.</summary>
    public void Load(long offset, long length, Action<DiskResult> done)
    {
        var wanted = (int)Math.Min(Math.Max(length, ReadBytes), FileBytes - offset);
        var kept = offset >= _start && offset < _start + _length ? (int)(_start + _length - offset) : 0;
        var buffer = _buffer.Length >= wanted ? _buffer : new byte[wanted];
        _buffer.AsSpan((int)(kept > 0 ? offset - _start : 0), kept).CopyTo(buffer);
        _buffer = buffer;
        _start = offset;
        _length = kept;
        _file!.Read(offset + kept, buffer.AsMemory(kept, wanted - kept), result =>
        {
            if (result.IsOk)
            {
                _length = kept + (int)result.Bytes;
                FileBytes = _length < wanted ? _start + _length : FileBytes;
            }

            done(result);
        });
    }
}
