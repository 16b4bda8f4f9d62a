using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>
/// Shares the partitions of topics among members of a group, as Kafka's clients do by "range": of each topic the members that read it, in
/// the order of their ids, get stretches of partitions, the first of them one more where it does not come out even.
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
            var ids = topic.Order(StringComparer.Ordinal).ToArray();
            var partitions = catalog.Find(topic.Key)?.Partitions.Length ?? 0;
            var next = 0;
            for (var i = 0; i < ids.Length; i++)
            {
                var end = next + (partitions / ids.Length) + (i < partitions % ids.Length ? 1 : 0);
                for (; next < end; next++)
                {
                    given[ids[i]].Add(new TopicPartition(topic.Key, next));
                }
            }
        }

        return [.. given.Select(static pair => new MemberAssignment(pair.Key, ConsumerAssignment.Write(pair.Value)))];
    }
}
