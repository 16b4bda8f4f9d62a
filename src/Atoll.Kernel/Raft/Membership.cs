using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Raft;

/// <summary>
/// Who replicates a shard (dissertation, chapter 4). Each array is sorted and holds nobody twice. In a joint membership agreement needs a
/// majority of the voters and a majority of the outgoing voters (section 4.3). A learner receives entries and counts for nothing; it may
/// also be an outgoing voter, when the change under way demotes it.
/// </summary>
/// <param name="Voters">Those whose majority decides.</param>
/// <param name="OutgoingVoters">While a change is under way, the voters before it; else empty.</param>
/// <param name="Learners">Those who only receive.</param>
public sealed record Membership(
    ImmutableArray<NodeId> Voters,
    ImmutableArray<NodeId> OutgoingVoters,
    ImmutableArray<NodeId> Learners)
{
    /// <summary>Nobody: what a replica knows that was just created to join a group.</summary>
    public static readonly Membership Empty = new([], [], []);

    /// <summary>Whether a change of voters is under way.</summary>
    public bool IsJoint => !OutgoingVoters.IsEmpty;

    /// <summary>A membership of these voters and learners, in any order.</summary>
    public static Membership Of(IEnumerable<NodeId> voters, IEnumerable<NodeId>? learners = null) =>
        new([.. voters.Distinct().Order()], [], [.. (learners ?? []).Distinct().Order()]);

    /// <summary>Whether the node's vote counts.</summary>
    public bool IsVoter(NodeId node) => Voters.Contains(node) || OutgoingVoters.Contains(node);

    /// <summary>Whether the node receives entries but has no vote.</summary>
    public bool IsLearner(NodeId node) => Learners.Contains(node) && !OutgoingVoters.Contains(node);

    /// <summary>Whether the node has any part in the group.</summary>
    public bool Contains(NodeId node) => IsVoter(node) || Learners.Contains(node);

    /// <summary>Every node that has a part, sorted.</summary>
    public ImmutableArray<NodeId> Everyone() => [.. Voters.Concat(OutgoingVoters).Concat(Learners).Distinct().Order()];

    /// <summary>The first step of a change of voters: both sets decide.</summary>
    public Membership Enter(Membership target) => new(target.Voters, Voters, target.Learners);

    /// <summary>The second step of a change of voters: the outgoing ones go.</summary>
    public Membership Leave() => this with { OutgoingVoters = [] };

    /// <summary>Sorted, nobody twice, no learner among the voters, not too many.</summary>
    public bool IsWellFormed =>
        IsSet(Voters) && IsSet(OutgoingVoters) && IsSet(Learners)
        && (!Voters.IsEmpty || (OutgoingVoters.IsEmpty && Learners.IsEmpty))
        && !Learners.Any(learner => Voters.Contains(learner))
        && Everyone().Length <= Limits.ReplicasMax;

    /// <summary>Writes the payload of a membership entry: version, then the three sets, each a count and that many node numbers.</summary>
    public void Encode(WireWriter writer)
    {
        writer.WriteByte(1);
        EncodeSet(writer, Voters);
        EncodeSet(writer, OutgoingVoters);
        EncodeSet(writer, Learners);
    }

    /// <summary>The payload of a membership entry.</summary>
    public byte[] ToBytes()
    {
        var writer = new WireWriter(64);
        Encode(writer);
        return writer.ToArray();
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; false for anything else, and for sets that are not well formed.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> payload, out Membership membership)
    {
        var reader = new WireReader(payload);
        if (reader.ReadByte() != 1)
        {
            reader.Fail();
        }

        membership = new Membership(DecodeSet(ref reader), DecodeSet(ref reader), DecodeSet(ref reader));
        if (reader.OkAtEnd && membership.IsWellFormed)
        {
            return true;
        }

        membership = Empty;
        return false;
    }

    /// <inheritdoc />
    public bool Equals(Membership? other) =>
        other is not null
        && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan())
        && OutgoingVoters.AsSpan().SequenceEqual(other.OutgoingVoters.AsSpan())
        && Learners.AsSpan().SequenceEqual(other.Learners.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() =>
        Voters.Concat(OutgoingVoters).Concat(Learners).Aggregate(17, (hash, node) => (hash * 31) + (int)node.Value);

    /// <summary>"[1 2 3]", joint "[1 2 4] from [1 2 3]", with learners "[1 2 3] learners [4]".</summary>
    public override string ToString() =>
        $"[{string.Join(' ', Voters)}]"
        + (IsJoint ? $" from [{string.Join(' ', OutgoingVoters)}]" : "")
        + (Learners.IsEmpty ? "" : $" learners [{string.Join(' ', Learners)}]");

    private static bool IsSet(ImmutableArray<NodeId> nodes)
    {
        for (var i = 0; i < nodes.Length; i++)
        {
            if (nodes[i] == NodeId.None || (i > 0 && nodes[i] <= nodes[i - 1]))
            {
                return false;
            }
        }

        return true;
    }

    private static void EncodeSet(WireWriter writer, ImmutableArray<NodeId> nodes)
    {
        writer.WriteVarint((ulong)nodes.Length);
        foreach (var node in nodes)
        {
            writer.WriteVarint(node.Value);
        }
    }

    private static ImmutableArray<NodeId> DecodeSet(ref WireReader reader)
    {
        var count = reader.ReadCount(Limits.ReplicasMax);
        var nodes = ImmutableArray.CreateBuilder<NodeId>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var value = reader.ReadVarint();
            if (value > uint.MaxValue)
            {
                reader.Fail();
            }

            nodes.Add(new NodeId((uint)value));
        }

        return nodes.ToImmutable();
    }
}
