using System.Collections.Immutable;

namespace Atoll.StateMachines.Groups;

/// <summary>A protocol that a member offers: of consumers, a way to assign partitions, and what the member says of itself for it.</summary>
/// <param name="Name">Its name, "range" say.</param>
/// <param name="Metadata">For the leader alone; of consumers, the topics subscribed to.</param>
public readonly record struct GroupProtocol(string Name, ReadOnlyMemory<byte> Metadata);

/// <summary>How a member names itself.</summary>
/// <param name="MemberId">The id that it was given; empty when it has none yet.</param>
/// <param name="InstanceId">The id that its operator gave it, which it keeps when it starts anew; null for none.</param>
public readonly record struct MemberIdentity(string MemberId, string? InstanceId);

/// <summary>A member of a group. Immutable.</summary>
public sealed record GroupMember
{
    /// <summary>Its names.</summary>
    public required MemberIdentity Identity { get; init; }

    /// <summary>What its client calls itself.</summary>
    public required string ClientId { get; init; }

    /// <summary>Where its client is.</summary>
    public required string ClientHost { get; init; }

    /// <summary>How long it may be silent, in milliseconds.</summary>
    public required int SessionMilliseconds { get; init; }

    /// <summary>How long it may take to join the next generation, in milliseconds.</summary>
    public required int RebalanceMilliseconds { get; init; }

    /// <summary>What it offers, the best first; not empty.</summary>
    public required ImmutableArray<GroupProtocol> Protocols { get; init; }

    /// <summary>Whether it has joined the generation that is being prepared.</summary>
    public bool IsJoining { get; init; }

    /// <summary>Whether it has asked for its assignment in this generation.</summary>
    public bool HasSynced { get; init; }

    /// <summary>What the leader gave it in this generation; empty while there is nothing.</summary>
    public ReadOnlyMemory<byte> Assignment { get; init; }

    /// <summary>The id that it was given.</summary>
    public string Id => Identity.MemberId;

    /// <summary>Whether it offers a protocol.</summary>
    public bool Offers(string protocol)
    {
        foreach (var offered in Protocols)
        {
            if (offered.Name == protocol)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What it says of itself for a protocol; empty when it does not offer it.</summary>
    public ReadOnlyMemory<byte> MetadataOf(string protocol)
    {
        foreach (var offered in Protocols)
        {
            if (offered.Name == protocol)
            {
                return offered.Metadata;
            }
        }

        return default;
    }

    /// <summary>Whether it offers just these, in this order, and says the same.</summary>
    public bool OffersJust(IReadOnlyList<GroupProtocol> protocols)
    {
        if (Protocols.Length != protocols.Count)
        {
            return false;
        }

        for (var i = 0; i < protocols.Count; i++)
        {
            if (Protocols[i].Name != protocols[i].Name || !Protocols[i].Metadata.Span.SequenceEqual(protocols[i].Metadata.Span))
            {
                return false;
            }
        }

        return true;
    }
}
