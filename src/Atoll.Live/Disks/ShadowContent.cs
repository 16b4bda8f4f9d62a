using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Disks;

/// <summary>The bytes of a file that is never changed: those on the disk, shadowed by what was written since, which is in memory.</summary>
internal sealed class ShadowContent : IDisposable
{
    private const int BlockBytes = 4096;

    private readonly SafeFileHandle? _file;
    private readonly SortedDictionary<long, byte[]> _written = [];
    private long _fileBytes;

    /// <summary>A file that is in memory only.</summary>
    public ShadowContent()
    {
    }

    /// <summary>A file of the disk.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public ShadowContent(string path)
    {
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
        LengthBytes = _fileBytes = RandomAccess.GetLength(_file);
    }

    /// <summary>Its length.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>Reads until the buffer or the file is full or over.</summary>
    /// <returns>Bytes read.</returns>
    public int Read(long offset, Span<byte> target)
    {
        target = target[..(int)Math.Clamp(LengthBytes - offset, 0, target.Length)];
        target.Clear();
        ReadFile(offset, target[..(int)Math.Clamp(_fileBytes - offset, 0, target.Length)]);
        if (_written.Count > 0)
        {
            for (var done = 0; done < target.Length;)
            {
                var (block, within) = Math.DivRem(offset + done, BlockBytes);
                var length = (int)Math.Min(BlockBytes - within, target.Length - done);
                if (_written.TryGetValue(block, out var bytes))
                {
                    bytes.AsSpan((int)within, length).CopyTo(target[done..]);
                }

                done += length;
            }
        }

        return target.Length;
    }

    /// <summary>Writes, growing the file where needed.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        LengthBytes = Math.Max(LengthBytes, offset + data.Length);
        while (!data.IsEmpty)
        {
            var (block, within) = Math.DivRem(offset, BlockBytes);
            var length = (int)Math.Min(BlockBytes - within, data.Length);
            data[..length].CopyTo(Block(block).AsSpan((int)within));
            data = data[length..];
            offset += length;
        }
    }

    /// <summary>Cuts or grows (with zeros) the file.</summary>
    public void Truncate(long lengthBytes)
    {
        if (lengthBytes < LengthBytes)
        {
            foreach (var block in _written.Keys.Where(block => block * BlockBytes >= lengthBytes).ToList())
            {
                _written.Remove(block);
            }

            _fileBytes = Math.Min(_fileBytes, lengthBytes);
            if (lengthBytes % BlockBytes > 0 && _written.TryGetValue(lengthBytes / BlockBytes, out var last))
            {
                last.AsSpan((int)(lengthBytes % BlockBytes)).Clear();
            }
        }

        LengthBytes = lengthBytes;
    }

    /// <summary>Lets go of the file.</summary>
    public void Dispose() => _file?.Dispose();

    private byte[] Block(long block)
    {
        if (!_written.TryGetValue(block, out var bytes))
        {
            _written.Add(block, bytes = new byte[BlockBytes]);
            var offset = block * BlockBytes;
            ReadFile(offset, bytes.AsSpan(0, (int)Math.Clamp(_fileBytes - offset, 0, BlockBytes)));
        }

        return bytes;
    }

    private void ReadFile(long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            var read = RandomAccess.Read(_file!, target, offset);
            if (read == 0)
            {
                return; // somebody has cut the file meanwhile: zeros are as wrong as anything
            }

            target = target[read..];
            offset += read;
        }
    }
}
