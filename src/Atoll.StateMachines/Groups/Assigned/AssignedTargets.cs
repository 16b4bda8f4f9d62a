using System.Collections.Immutable;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>Who is to have what.</summary>
internal static class AssignedTargets
{
    // Where members read different topics it takes rounds of small moves to make it even; what a few rounds leave uneven stays so.
    private const int EveningRoundsMax = 4;

    private static readonly Probe Uneven = Probe.Define("groups: partitions were shared out among members that read different topics");

    /// <summary>The group with new targets, at its next epoch.</summary>
    internal static AssignedGroup Renew(AssignedGroup group)
    {
        Check.That(group.Epoch < int.MaxValue);
        var readers = Readers(group);
        var targets = group.Assignor == AssignorNames.Range ? Range(group, readers) : Uniform(group, readers);
        return group with
        {
            Epoch = group.Epoch + 1,
            Members = group.Members.ToImmutableSortedDictionary(
                static pair => pair.Key,
                pair => pair.Value with { Target = [.. targets.GetValueOrDefault(pair.Key, [])] }, StringComparer.Ordinal),
        };
    }

    // Of every topic that there is, who reads it, in the order of ids.
    private static SortedDictionary<string, List<string>> Readers(AssignedGroup group)
    {
        var readers = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (id, member) in group.Members)
        {
            foreach (var topic in member.Topics.Where(group.Topics.ContainsKey))
            {
                if (!readers.TryGetValue(topic, out var list))
                {
                    readers[topic] = list = [];
                }

                list.Add(id);
            }
        }

        return readers;
    }

    private static Dictionary<string, HashSet<PartitionId>> Range(AssignedGroup group, SortedDictionary<string, List<string>> readers)
    {
        var targets = NoTargets(group);
        foreach (var (topic, ids) in readers)
        {
            var shape = group.Topics[topic];
            foreach (var (reader, partition) in RangeShares.Of(ids, shape.Partitions))
            {
                targets[reader].Add(new PartitionId(shape.Id, partition));
            }
        }

        return targets;
    }

    private static Dictionary<string, HashSet<PartitionId>> Uniform(AssignedGroup group, SortedDictionary<string, List<string>> readers)
    {
        var targets = NoTargets(group);
        if (readers.Count == 0)
        {
            return targets;
        }

        var areAlike = readers.Values.All(ids => ids.Count == group.Members.Count);
        var left = new List<(PartitionId Partition, List<string> Readers)>();
        var keepMax = areAlike ? Quotas(group, readers) : null;
        var formers = group.Members.Values.SelectMany(static member => member.Target.Select(partition => (partition, member)))
            .ToDictionary(static pair => pair.partition, static pair => pair.member);
        foreach (var (topic, ids) in readers)
        {
            var shape = group.Topics[topic];
            for (var i = 0; i < shape.Partitions; i++)
            {
                var partition = new PartitionId(shape.Id, i);
                if (formers.TryGetValue(partition, out var former) && former.Topics.Contains(topic, StringComparer.Ordinal)
                    && (keepMax is null || targets[former.Id].Count < keepMax[former.Id]))
                {
                    targets[former.Id].Add(partition);
                }
                else
                {
                    left.Add((partition, ids));
                }
            }
        }

        foreach (var (partition, ids) in left)
        {
            targets[Least(targets, ids)].Add(partition);
        }

        if (!areAlike)
        {
            Uneven.Hit();
            Even(group, readers, targets);
        }

        return targets;
    }

    private static Dictionary<string, HashSet<PartitionId>> NoTargets(AssignedGroup group) => group.Members.Keys.ToDictionary(
        static id => id, static _ => new HashSet<PartitionId>(), StringComparer.Ordinal);

    // How many of its partitions a member may keep. All get the same number; one more get those first that have more.
    private static Dictionary<string, int> Quotas(AssignedGroup group, SortedDictionary<string, List<string>> readers)
    {
        var total = readers.Keys.Sum(topic => group.Topics[topic].Partitions);
        var (each, more) = (total / group.Members.Count, total % group.Members.Count);
        var ids = readers.Keys.Select(topic => group.Topics[topic].Id).ToHashSet();
        var quotas = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (id, member) in group.Members)
        {
            var gets = more > 0 && member.Target.Count(partition => ids.Contains(partition.Topic)) > each ? 1 : 0;
            more -= gets;
            quotas[id] = each + gets;
        }

        return quotas;
    }

    private static string Least(Dictionary<string, HashSet<PartitionId>> targets, List<string> ids)
    {
        var least = ids[0];
        foreach (var id in ids)
        {
            least = targets[id].Count < targets[least].Count ? id : least;
        }

        return least;
    }

    private static void Even(
        AssignedGroup group, SortedDictionary<string, List<string>> readers, Dictionary<string, HashSet<PartitionId>> targets)
    {
        var holders = targets.SelectMany(static pair => pair.Value.Select(partition => (partition, pair.Key)))
            .ToDictionary(static pair => pair.partition, static pair => pair.Key);
        var moved = true;
        for (var round = 0; round < EveningRoundsMax && moved; round++)
        {
            moved = false;
            foreach (var (topic, ids) in readers)
            {
                var shape = group.Topics[topic];
                for (var i = 0; i < shape.Partitions; i++)
                {
                    var partition = new PartitionId(shape.Id, i);
                    var (holder, least) = (holders[partition], Least(targets, ids));
                    if (targets[holder].Count > targets[least].Count + 1)
                    {
                        targets[holder].Remove(partition);
                        targets[least].Add(partition);
                        holders[partition] = least;
                        moved = true;
                    }
                }
            }
        }
    }
}
