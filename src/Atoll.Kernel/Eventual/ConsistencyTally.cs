using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Eventual;

/// <summary>Counts the answers to one request against what its consistency level asks for.</summary>
public sealed class ConsistencyTally
{
    private readonly ImmutableArray<Replica> _replicas;
    private readonly Group[] _groups;
    private readonly int[] _groupOf;
    private readonly sbyte[] _answers;

    private ConsistencyTally(ImmutableArray<Replica> replicas, Group[] groups, int[] groupOf)
    {
        _replicas = replicas;
        _groups = groups;
        _groupOf = groupOf;
        _answers = new sbyte[replicas.Length];
    }

    /// <summary>Answers that must come, over all regions.</summary>
    public int Required => _groups.Sum(group => group.Required);

    /// <summary>Answers that came and count.</summary>
    public int Received => _groups.Sum(group => group.Received);

    /// <summary>Replicas that said that they can't.</summary>
    public int Failed => _groups.Sum(group => group.Failed);

    /// <summary>Whether enough have answered.</summary>
    public bool IsSatisfied => Array.TrueForAll(_groups, group => group.Received >= group.Required);

    /// <summary>Whether so many said that they can't that it never will be satisfied.</summary>
    public bool IsLost => Array.Exists(_groups, group => group.Members - group.Failed < group.Required);

    /// <summary>The tally of a write: pending replicas count, and raise what is required.</summary>
    public static ConsistencyTally OfWrite(ConsistencyLevel level, ReplicaSet replicas, string localRegion) =>
        Create(level, replicas.Members, level == ConsistencyLevel.Any ? [] : replicas.Pending, localRegion);

    /// <summary>The tally of a read: only members answer.</summary>
    public static ConsistencyTally OfRead(ConsistencyLevel level, ReplicaSet replicas, string localRegion) =>
        Create(level, replicas.Members, [], localRegion);

    /// <summary>Whether the replica's answer counts.</summary>
    public bool IsInScope(NodeId node) => GroupOf(node) is not null;

    /// <summary>Whether one more answer of this replica would help.</summary>
    public bool Wants(NodeId node) => GroupOf(node) is { } group && group.Received < group.Required;

    /// <summary>Takes a replica's answer; the first counts.</summary>
    public void Record(NodeId node, bool ok)
    {
        var position = PositionOf(node);
        if (position >= 0 && _answers[position] == 0)
        {
            _answers[position] = ok ? (sbyte)1 : (sbyte)-1;
            if (_groupOf[position] >= 0)
            {
                var group = _groups[_groupOf[position]];
                group.Received += ok ? 1 : 0;
                group.Failed += ok ? 0 : 1;
            }
        }
    }

    /// <summary>ANY: a hint is durable.</summary>
    public void RecordHint() => _groups[0].Received++;

    /// <summary>
    /// How many of those in scope could answer now, and whether that is enough: who asks for more is told "unavailable" before anything is
    /// sent.
    /// </summary>
    public bool CanBeSatisfiedBy(Func<NodeId, bool> isAlive, out int alive)
    {
        var aliveOf = new int[_groups.Length];
        alive = 0;
        for (var i = 0; i < _replicas.Length; i++)
        {
            if (_groupOf[i] >= 0 && isAlive(_replicas[i].Node))
            {
                aliveOf[_groupOf[i]]++;
                alive++;
            }
        }

        for (var i = 0; i < _groups.Length; i++)
        {
            if (aliveOf[i] < _groups[i].Required)
            {
                return false;
            }
        }

        return true;
    }

    private static ConsistencyTally Create(
        ConsistencyLevel level, ImmutableArray<Replica> members, ImmutableArray<Replica> pending, string localRegion)
    {
        var everyone = members.AddRange(pending);
        var regions = level switch
        {
            ConsistencyLevel.EachQuorum => [.. everyone.Select(replica => replica.Region).Distinct().Order(StringComparer.Ordinal)],
            ConsistencyLevel.LocalOne or ConsistencyLevel.LocalQuorum => [localRegion],
            _ => ImmutableArray<string>.Empty,
        };
        var groupOf = new int[everyone.Length];
        var groups = Enumerable.Range(0, Math.Max(1, regions.Length)).Select(_ => new Group()).ToArray();
        for (var i = 0; i < everyone.Length; i++)
        {
            groupOf[i] = regions.IsEmpty ? 0 : regions.IndexOf(everyone[i].Region);
            if (groupOf[i] >= 0)
            {
                groups[groupOf[i]].Members++;
                groups[groupOf[i]].Pending += i >= members.Length ? 1 : 0;
            }
        }

        foreach (var group in groups)
        {
            var own = group.Members - group.Pending;
            group.Required = group.Pending + level switch
            {
                ConsistencyLevel.Two => 2,
                ConsistencyLevel.Three => 3,
                ConsistencyLevel.All => own,
                ConsistencyLevel.Quorum or ConsistencyLevel.LocalQuorum or ConsistencyLevel.EachQuorum => own == 0 ? 1 : Majority.Size(own),
                _ => 1,
            };
        }

        return new ConsistencyTally(everyone, groups, groupOf);
    }

    private Group? GroupOf(NodeId node) =>
        PositionOf(node) is var position && position >= 0 && _groupOf[position] >= 0 ? _groups[_groupOf[position]] : null;

    private int PositionOf(NodeId node)
    {
        for (var i = 0; i < _replicas.Length; i++)
        {
            if (_replicas[i].Node == node)
            {
                return i;
            }
        }

        return -1;
    }

    private sealed class Group
    {
        internal int Members { get; set; }

        internal int Pending { get; set; }

        internal int Required { get; set; }

        internal int Received { get; set; }

        internal int Failed { get; set; }
    }
}
