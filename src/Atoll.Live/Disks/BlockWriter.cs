using System.Runtime.InteropServices;
using Atoll.Foundation.Checks;
using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Disks;

/// <summary>
/// Writes whole blocks of an open file to the device, past the file cache (O_DIRECT) where the system has such a thing. A log is written
/// once, and its last entries are in the node's own memory: in the file cache each of its pages would cost a first touch, a copy and the
/// way back. Who reads through the file itself sees what was written. One write at a time.
/// </summary>
/// <param name="file">The file; it stays its opener's.</param>
internal sealed class BlockWriter(SafeFileHandle file) : IDisposable
{
    // Offsets, lengths and addresses are multiples of this; no file system asks for more.
    private const int BlockBytes = 4096;

    private SafeFileHandle? _direct;
    private bool _isOpened;

    /// <summary>True for a place that can be written so.</summary>
    public static bool IsWhole(long offset, long lengthBytes) => offset % BlockBytes == 0 && lengthBytes % BlockBytes == 0;

    /// <summary>Memory that can be written from: its first byte is at a multiple of a block. It never moves.</summary>
    public static Memory<byte> NewBuffer(int lengthBytes)
    {
        var array = GC.AllocateUninitializedArray<byte>(lengthBytes + BlockBytes, pinned: true);
        var past = (int)(Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) % BlockBytes);
        return array.AsMemory(past == 0 ? 0 : BlockBytes - past, lengthBytes);
    }

    /// <summary>Writes whole blocks. They are durable after a sync of the file.</summary>
    /// <param name="blocks">In memory of <see cref="NewBuffer"/>.</param>
    /// <param name="offset">Where in the file; it has that length already.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Write(ReadOnlySpan<byte> blocks, long offset)
    {
        Check.That(IsWhole(offset, blocks.Length));
        if (!_isOpened)
        {
            _isOpened = true;
            _direct = NativeFile.OpenDirect(file);
        }

        try
        {
            RandomAccess.Write(_direct ?? file, blocks, offset);
        }
        catch (Exception exception) when (_direct is not null && DiskErrors.IsInvalid(exception))
        {
            // A device that wants larger blocks. Nothing was written.
            _direct.Dispose();
            _direct = null;
            RandomAccess.Write(file, blocks, offset);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _direct?.Dispose();
}
