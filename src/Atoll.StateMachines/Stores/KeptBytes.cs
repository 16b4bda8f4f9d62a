using System.Runtime.InteropServices;

namespace Atoll.StateMachines.Stores;

/// <summary>
/// Decides whether bytes of a command are kept as a slice of it or copied. The command may be a slice of a large network frame that holds
/// many commands: keeping a small slice would keep the whole frame in memory for as long as the record lives. Only what makes up nearly all
/// of its buffer is kept uncopied. (Log payloads are immutable once they exist, so keeping them is safe.)
/// </summary>
internal static class KeptBytes
{
    // Below this, copying costs less than what the slice would waste.
    private const int SliceBytesMin = 16 * 1024;

    internal static ReadOnlyMemory<byte> Of(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length >= SliceBytesMin
            && MemoryMarshal.TryGetArray(bytes, out var segment)
            && segment.Array is { } buffer
            && buffer.Length - bytes.Length <= buffer.Length / 16)
        {
            return bytes;
        }

        return Copy(bytes.Span);
    }

    internal static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return default;
        }

        var copy = GC.AllocateUninitializedArray<byte>(bytes.Length);
        bytes.CopyTo(copy);
        return copy;
    }
}
