using System.Collections.Immutable;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>The members of a group whose coordinator shares out the partitions, and what it knows of their topics. Immutable.</summary>
public sealed record AssignedGroup
{
    /// <summary>Nobody, who reads nothing.</summary>
    public static readonly AssignedGroup Empty = new();

    /// <summary>Counts how often it changed who is to have what.</summary>
    public int Epoch { get; init; }

    /// <summary>The members, by id.</summary>
    public ImmutableSortedDictionary<string, AssignedMember> Members { get; init; } =
        ImmutableSortedDictionary.Create<string, AssignedMember>(StringComparer.Ordinal);

    /// <summary>The topics that somebody reads and that there are, by name.</summary>
    public ImmutableSortedDictionary<string, TopicShape> Topics { get; init; } =
        ImmutableSortedDictionary.Create<string, TopicShape>(StringComparer.Ordinal);

    /// <summary>The version of the cluster's directory that this was read from: what an older one says of them is out of date.</summary>
    public ulong TopicsVersion { get; init; }

    /// <summary>The way in which most members that ask for one want it shared out; of several the first by name.</summary>
    public string Assignor => Members.Values.Select(static member => member.Assignor).Where(static name => name.Length > 0)
        .GroupBy(static name => name, StringComparer.Ordinal).OrderByDescending(static votes => votes.Count())
        .ThenBy(static votes => votes.Key, StringComparer.Ordinal).FirstOrDefault()?.Key ?? AssignorNames.Uniform;

    /// <summary>Whether every member has just what it is to have.</summary>
    public bool IsSettled => Members.Values.All(
        member => member.Epoch == Epoch && member.Revoking.IsEmpty && member.Assigned.Count == member.Target.Count);

    /// <summary>Whether somebody is to let go of something.</summary>
    public bool IsRevoking
    {
        get
        {
            foreach (var (_, member) in Members)
            {
                if (!member.Revoking.IsEmpty)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The member with a static id; null for none.</summary>
    public AssignedMember? FindInstance(string instance)
    {
        foreach (var (_, member) in Members)
        {
            if (member.InstanceId == instance)
            {
                return member;
            }
        }

        return null;
    }

    /// <summary>The name of a topic; null when the group knows none of that identity.</summary>
    public string? NameOf(Guid topic)
    {
        foreach (var (name, shape) in Topics)
        {
            if (shape.Id == topic)
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>With a member in place of the one of the same id, if there was one.</summary>
    internal AssignedGroup With(AssignedMember member) => this with { Members = Members.SetItem(member.Id, member) };

    /// <summary>Whether it is one that the rules can have made: above all, nothing has two holders.</summary>
    internal bool IsConsistent()
    {
        var held = new HashSet<PartitionId>();
        var instances = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (id, member) in Members)
        {
            if (!member.IsConsistent(id, Epoch) || (member.InstanceId is { } instance && !instances.Add(instance))
                || !member.Assigned.All(held.Add) || !member.Revoking.All(held.Add))
            {
                return false;
            }
        }

        return Epoch >= 0 && Topics.All(static pair => pair.Key.Length > 0 && pair.Value.Partitions > 0);
    }
}

/// <summary>The ways of sharing out.</summary>
public static class AssignorNames
{
    /// <summary>To each member as many as to the others; what a member has, it keeps if it can.</summary>
    public const string Uniform = "uniform";

    /// <summary>Of each topic a stretch of partitions to each of its readers, so that topics that are alike are shared out alike.</summary>
    public const string Range = "range";

    /// <summary>Whether there is such a way.</summary>
    public static bool IsKnown(string name) => name is Uniform or Range;
}
