using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>
/// Shares the partitions of topics among members of a group, as Kafka's clients do by "range" (<see cref="RangeShares"/>).
/// </summary>
internal static class RangeAssignment
{
    /// <summary>Who gets what; members that get nothing are there, too.</summary>
    /// <param name="members">The members, and what each says that it reads.</param>
    /// <param name="catalog">The topics.</param>
    internal static IReadOnlyList<MemberAssignment> Of(IReadOnlyList<JoinedMember> members, TopicCatalog catalog)
    {
        var given = members.ToDictionary(
            static member => member.Identity.MemberId, static _ => new List<TopicPartition>(), StringComparer.Ordinal);
        var readers = members
            .SelectMany(static member => (ConsumerSubscription.TryReadTopics(member.Metadata.Span) ?? []).Distinct(StringComparer.Ordinal)
                .Select(topic => (Topic: topic, Id: member.Identity.MemberId)))
            .GroupBy(static pair => pair.Topic, static pair => pair.Id, StringComparer.Ordinal);
        foreach (var topic in readers)
        {
            foreach (var (reader, partition) in RangeShares.Of(topic, catalog.Find(topic.Key)?.Partitions.Length ?? 0))
            {
                given[reader].Add(new TopicPartition(topic.Key, partition));
            }
        }

        return [.. given.Select(static pair => new MemberAssignment(pair.Key, ConsumerAssignment.Write(pair.Value)))];
    }
}
