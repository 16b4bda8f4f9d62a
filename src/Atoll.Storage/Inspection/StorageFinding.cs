using Atoll.Foundation.Identity;

namespace Atoll.Storage.Inspection;

/// <summary>What a finding means for who owns the data.</summary>
public enum FindingKind : byte
{
    /// <summary>Nothing is lost: another copy is whole, or nobody needs what is there. The next start of the node mends it.</summary>
    Harmless = 0,

    /// <summary>Bytes are not what was written, or something that must be there is not.</summary>
    Damage = 1,

    /// <summary>The operating system does not give the bytes: nothing is known of them.</summary>
    Unreadable = 2,

    /// <summary>A newer version of the program has written it.</summary>
    NewerVersion = 3,
}

/// <summary>Something in a loop's files that is not as it should be.</summary>
/// <param name="Kind">What it means.</param>
/// <param name="Corruption">File, place and reason.</param>
public sealed record StorageFinding(FindingKind Kind, StorageCorruption Corruption)
{
    /// <summary>The shards that it concerns, as far as that can be known.</summary>
    public IReadOnlyList<ShardId> Shards { get; init; } = [];

    /// <summary>The first key in question, with its tree's number in front; empty when it is about no keys.</summary>
    public ReadOnlyMemory<byte> From { get; init; }

    /// <summary>The first key behind those; empty when not known.</summary>
    public ReadOnlyMemory<byte> To { get; init; }
}
