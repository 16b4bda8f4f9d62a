using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// The side that is asked in exchanges about one range. It remembers nothing between messages but what each other node said when it
/// opened: every request carries what its answer needs.
/// </summary>
public sealed class SyncResponder(SyncOptions options, MerkleTree tree)
{
    /// <summary>What is to be done. The host goes through it after every call, and clears it.</summary>
    public SyncEffects Effects { get; } = new();

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Takes the initiator's message.</summary>
    /// <param name="message">What it says.</param>
    /// <param name="own">Where this replica is; durable.</param>
    public void Step(in SyncMessage message, in HorizonReport own)
    {
        switch (message.Kind)
        {
            case SyncMessageKind.Open:
                // Versions of the placement or of the tree may differ for a while: no harm, try again later.
                var isSame = message.FirstToken == tree.FirstToken && message.LastToken == tree.LastToken
                    && message.Depth == tree.Depth && message.Report.Epoch == own.Epoch;
                Effects.Send(isSame
                    ? Answer(message, SyncMessageKind.Opened) with { Report = own }
                    : Answer(message, SyncMessageKind.Refused));
                break;
            case SyncMessageKind.Hashes:
                OnHashes(message);
                break;
            case SyncMessageKind.Partitions when message.Nodes is [var leaf] && tree.Contains(leaf) && tree.IsLeaf(leaf):
                Effects.Add(new SyncEffect
                {
                    Kind = SyncEffectKind.List,
                    Message = message,
                    Leaf = leaf,
                    AfterKey = message.Key,
                    ThroughKey = message.ThroughKey,
                    Count = options.PartitionsPerPage,
                });
                break;
            case SyncMessageKind.Data:
                Effects.Add(new SyncEffect { Kind = SyncEffectKind.Merge, Message = message });
                break;
            case SyncMessageKind.Close when message.Report.Epoch == own.Epoch && message.Stamp <= own.Closed:
                Effects.Add(new SyncEffect { Kind = SyncEffectKind.Done, Message = message });
                break;
        }
    }

    /// <summary>Answers a List effect.</summary>
    /// <param name="request">The effect's message.</param>
    /// <param name="partitions">In the order of keys.</param>
    /// <param name="isComplete">Whether these are all, to the request's last key or the leaf's end.</param>
    public void Listed(in SyncMessage request, ImmutableArray<PartitionHash> partitions, bool isComplete)
    {
        // Where this side has more than fits, the answer goes only as far as its list.
        var through = isComplete ? request.ThroughKey : partitions[^1].Key;
        var wanted = ImmutableArray.CreateBuilder<PartitionHash>();
        var offered = new List<ReadOnlyMemory<byte>>();
        int mine = 0, theirs = 0;
        while (mine < partitions.Length || theirs < request.Partitions.Length)
        {
            var order = mine == partitions.Length ? 1
                : theirs == request.Partitions.Length ? -1
                : partitions[mine].Key.Span.SequenceCompareTo(request.Partitions[theirs].Key.Span);
            if (order > 0 && !through.IsEmpty && request.Partitions[theirs].Key.Span.SequenceCompareTo(through.Span) > 0)
            {
                break;
            }

            var differs = order != 0 || partitions[mine].Hash != request.Partitions[theirs].Hash;
            if (order >= 0 && differs)
            {
                wanted.Add(new PartitionHash(request.Partitions[theirs].Key, order == 0 ? partitions[mine].Hash : 0));
            }

            if (order <= 0 && differs)
            {
                offered.Add(partitions[mine].Key);
            }

            mine += order <= 0 ? 1 : 0;
            theirs += order >= 0 ? 1 : 0;
        }

        Effects.Send(Answer(request, SyncMessageKind.Wanted) with
        {
            ThroughKey = through, Offered = offered.Count, Partitions = wanted.ToImmutable(),
        });
        foreach (var key in offered)
        {
            Effects.Add(new SyncEffect
            {
                Kind = SyncEffectKind.SendPartition, AfterKey = key, Message = Answer(request, SyncMessageKind.Data),
            });
        }
    }

    /// <summary>The partition of a Merge effect is merged and durable.</summary>
    public void Merged(in SyncMessage data) => Effects.Send(Answer(data, SyncMessageKind.Taken) with { Key = data.Key });

    /// <summary>The initiator's data may not be merged here: it must first catch up.</summary>
    public void MergeRefused(in SyncMessage data) => Effects.Send(Answer(data, SyncMessageKind.Refused));

    private static SyncMessage Answer(in SyncMessage message, SyncMessageKind kind) =>
        new() { Kind = kind, Exchange = message.Exchange, Sequence = message.Sequence };

    private void OnHashes(in SyncMessage message)
    {
        var mismatches = ImmutableArray.CreateBuilder<int>();
        for (var i = 0; i < message.Nodes.Length; i++)
        {
            if (tree.Contains(message.Nodes[i]) && tree.HashOf(message.Nodes[i]) != message.Hashes[i]
                && !Sabotage.Has(Sabotage.ExchangesFindNothing))
            {
                mismatches.Add(message.Nodes[i]);
            }
        }

        Effects.Send(Answer(message, SyncMessageKind.Mismatches) with { Nodes = mismatches.ToImmutable() });
    }
}
