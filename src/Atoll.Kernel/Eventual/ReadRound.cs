using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>A replica that a read asked.</summary>
internal sealed class AskedReplica(NodeId node, bool wantsData, Instant askedAt)
{
    internal NodeId Node { get; } = node;

    internal bool WantsData { get; set; } = wantsData;

    internal Instant AskedAt { get; } = askedAt;

    internal bool IsHeard { get; set; }

    internal bool HasFailed { get; set; }

    internal UInt128? Digest { get; set; }

    internal ReadOnlyMemory<byte>? Version { get; set; }

    /// <summary>The replica's basis when it read its version (<see cref="RangeHorizon"/>).</summary>
    internal HybridTime Basis { get; set; }

    internal bool IsBeingRepaired { get; set; }

    /// <summary>It has what will be answered.</summary>
    internal bool IsRepaired { get; set; }
}

/// <summary>One read: who was asked, and what came.</summary>
internal sealed class ReadRound(ReadOperation operation, ConsistencyTally tally, List<NodeId> candidates)
{
    private int _nextCandidate;

    internal ReadOperation Operation { get; } = operation;

    internal ConsistencyTally Tally { get; } = tally;

    internal List<AskedReplica> Asked { get; } = [];

    internal Instant HedgeAt { get; set; } = Instant.Never;

    /// <summary>Digests differed: whole versions are awaited.</summary>
    internal bool IsResolving { get; private set; }

    /// <summary>The versions are merged, and are being written back.</summary>
    internal bool IsRepairing { get; private set; }

    internal ReadOnlyMemory<byte> Merged { get; private set; }

    // A tombstone later than this may be missing from some version that was merged.
    private HybridTime Basis => Asked.Where(asked => asked.Version is not null).Min(asked => asked.Basis);

    internal NodeId? NextCandidate => _nextCandidate < candidates.Count ? candidates[_nextCandidate] : null;

    internal ReadOnlyMemory<byte>? Data => Asked.Find(static asked => asked.Version is not null)?.Version;

    internal bool DigestsAgree
    {
        get
        {
            UInt128? first = null;
            foreach (var asked in Asked)
            {
                first ??= asked.Digest;
                if (asked.Digest is { } digest && digest != first)
                {
                    return false;
                }
            }

            return true;
        }
    }

    internal AskedReplica? Find(NodeId node)
    {
        foreach (var asked in Asked)
        {
            if (asked.Node == node)
            {
                return asked;
            }
        }

        return null;
    }

    /// <summary>Asks as many as the level needs: the first for its version, the others for digests.</summary>
    internal void AskFirst(EventualEffects effects, Instant now)
    {
        // A tally of intentions: the candidates that satisfy the level, were they all to answer.
        var planned = new List<NodeId>();
        foreach (var candidate in candidates)
        {
            if (planned.Count < Tally.Required && WouldHelp(candidate, planned))
            {
                planned.Add(candidate);
            }
        }

        candidates.RemoveAll(planned.Contains);
        foreach (var node in planned)
        {
            Ask(effects, node, wantsData: Asked.Count == 0, now);
        }
    }

    /// <summary>Asks the next candidate as well: for the version while none has come.</summary>
    internal void AskAnother(EventualEffects effects, Instant now)
    {
        if (NextCandidate is { } node)
        {
            _nextCandidate++;
            Ask(effects, node, wantsData: IsResolving || Data is null, now);
        }
    }

    /// <summary>Asks those that sent digests for their versions.</summary>
    internal void Resolve(EventualEffects effects)
    {
        IsResolving = true;
        foreach (var asked in Asked)
        {
            if (!asked.WantsData)
            {
                asked.WantsData = true;
                effects.Send(asked.Node, NewMessage(EventualMessageKind.Read, Operation.Query));
            }
        }
    }

    internal void BeginRepair(ReadOnlyMemory<byte> merged)
    {
        IsRepairing = true;
        Merged = merged;
    }

    internal void SendRepair(EventualEffects effects, AskedReplica asked, ReadOnlyMemory<byte> mutation)
    {
        asked.IsBeingRepaired = true;
        effects.Send(asked.Node, NewMessage(EventualMessageKind.Repair, mutation) with { Stamp = Basis });
    }

    /// <summary>A replica that was not asked can take the place of one that does not confirm its repair.</summary>
    internal void RepairOther(EventualEffects effects, Instant now)
    {
        if (NextCandidate is { } node)
        {
            _nextCandidate++;
            var other = new AskedReplica(node, wantsData: false, now) { IsHeard = true };
            Asked.Add(other);
            SendRepair(effects, other, Merged);
        }
    }

    /// <summary>Whether as many replicas as the level asks for have sent the version; a silent one does not hold others up.</summary>
    internal bool HasVersionsEnough(string localRegion) => IsSatisfiedBy(localRegion, static asked => asked.Version is not null);

    /// <summary>Whether as many replicas as the level asks for have what will be answered.</summary>
    internal bool IsRepairedEnough(string localRegion) => IsSatisfiedBy(localRegion, static asked => asked.IsRepaired);

    private bool IsSatisfiedBy(string localRegion, Func<AskedReplica, bool> counts)
    {
        var tally = ConsistencyTally.OfRead(Operation.Level, Operation.Replicas, localRegion);
        foreach (var asked in Asked)
        {
            if (counts(asked))
            {
                tally.Record(asked.Node, ok: true);
            }
        }

        return tally.IsSatisfied;
    }

    private bool WouldHelp(NodeId candidate, List<NodeId> planned)
    {
        if (Operation.Level != ConsistencyLevel.EachQuorum)
        {
            return true;
        }

        var region = RegionOf(candidate);
        var members = Operation.Replicas.Members.Count(replica => replica.Region == region);
        return planned.Count(node => RegionOf(node) == region) < Quorums.Majority.Size(members);
    }

    private string RegionOf(NodeId node) => Operation.Replicas.Members.First(replica => replica.Node == node).Region;

    private void Ask(EventualEffects effects, NodeId node, bool wantsData, Instant now)
    {
        Asked.Add(new AskedReplica(node, wantsData, now));
        effects.Send(node, NewMessage(wantsData ? EventualMessageKind.Read : EventualMessageKind.ReadDigest, Operation.Query));
    }

    private EventualMessage NewMessage(EventualMessageKind kind, ReadOnlyMemory<byte> payload) =>
        new()
        {
            Kind = kind,
            Operation = Operation.Number,
            Epoch = Operation.Replicas.Epoch,
            Range = Operation.Range,
            Payload = payload,
        };
}
