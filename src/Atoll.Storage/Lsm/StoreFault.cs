using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Why something cannot be read: a damaged block (<see cref="Disk"/> is Ok), or a disk that fails. It names what is lost; everything
/// else stays readable.
/// </summary>
/// <param name="Corruption">File, place and reason.</param>
/// <param name="From">The first key that may be lost, with its tree's number in front.</param>
/// <param name="To">The first key behind those; empty when not known.</param>
/// <param name="Disk">What the disk said.</param>
public sealed record StoreFault(StorageCorruption Corruption, ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, DiskStatus Disk)
{
    /// <summary>True when bytes are not what was written; false when the disk did not give them.</summary>
    public bool IsCorruption => Disk == DiskStatus.Ok;

    /// <summary>"file at offset: why; keys from .. to ..".</summary>
    public override string ToString() =>
        $"{Corruption}; keys {Convert.ToHexStringLower(From.Span)}..{Convert.ToHexStringLower(To.Span)}";
}
