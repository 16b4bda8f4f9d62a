using System.Text.Json;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;

namespace Atoll.Commands;

/// <summary>How far a group has come in one partition.</summary>
/// <param name="Place">The partition.</param>
/// <param name="Committed">The offset that it reads next; null when none was committed.</param>
/// <param name="End">The offset behind the last record; null when there is no such partition.</param>
/// <param name="Member">Who reads it; null for nobody.</param>
internal sealed record PlaceProgress(TopicPartition Place, long? Committed, long? End, DescribedMember? Member)
{
    /// <summary>Records that are still to be read; null when that is not known.</summary>
    public long? Lag => End - Committed is { } lag ? Math.Max(0, lag) : null;
}

/// <summary>A group and how far it has come.</summary>
/// <param name="Group">Its id.</param>
/// <param name="Description">Its members.</param>
/// <param name="Places">Partitions that it has offsets of, or that a member was given, in order.</param>
internal sealed record GroupProgress(string Group, GroupDescription Description, IReadOnlyList<PlaceProgress> Places)
{
    /// <summary>Records that are still to be read, in all.</summary>
    public long Lag => Places.Sum(static place => place.Lag ?? 0);

    /// <summary>Finds it out.</summary>
    /// <exception cref="CommandException">There is no such group.</exception>
    public static async Task<GroupProgress> OfAsync(AtollClient atoll, string group, CancellationToken cancellation)
    {
        var description = await atoll.Groups.DescribeAsync(group, cancellation).ConfigureAwait(false);
        if (description.Status != GroupStatus.Ok)
        {
            throw new CommandException(ExitCode.NotFound, $"there is no group \"{group}\"");
        }

        var offsets = await atoll.Groups.OffsetsAsync(group, null, cancellation).ConfigureAwait(false);
        var topics = await atoll.Streams.RefreshAsync(cancellation).ConfigureAwait(false);
        var committed = offsets.Offsets.ToDictionary(static offset => offset.Place, static offset => offset.Committed.Offset);
        var members = new Dictionary<TopicPartition, DescribedMember>();
        foreach (var member in description.Members)
        {
            foreach (var place in ConsumerAssignment.TryRead(member.Assignment.Span) ?? [])
            {
                members[place] = member;
            }
        }

        var places = await Task.WhenAll(committed.Keys.Union(members.Keys).Order().Select(async place => new PlaceProgress(
            place,
            committed.TryGetValue(place, out var offset) ? offset : null,
            await EndOfAsync(atoll.Streams, topics.Find(place.Topic), place.Partition, cancellation).ConfigureAwait(false),
            members.TryGetValue(place, out var member) ? member : null))).ConfigureAwait(false);
        return new GroupProgress(group, description, places);
    }

    /// <summary>As JSON: properties of an object that is open.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteString("group", Group);
        writer.WriteString("state", Description.State.ToString());
        writer.WriteNumber("generation", Description.Generation);
        writer.WriteString("protocol", Description.Protocol);
        writer.WriteNumber("lag", Lag);
        writer.WriteStartArray("members");
        foreach (var member in Description.Members)
        {
            writer.WriteStartObject();
            writer.WriteString("member", member.Identity.MemberId);
            writer.WriteString("instance", member.Identity.InstanceId);
            writer.WriteString("client", member.ClientId);
            writer.WriteString("host", member.ClientHost);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("partitions");
        foreach (var place in Places)
        {
            writer.WriteStartObject();
            writer.WriteString("topic", place.Place.Topic);
            writer.WriteNumber("partition", place.Place.Partition);
            WriteNumber(writer, "committed", place.Committed);
            WriteNumber(writer, "end", place.End);
            WriteNumber(writer, "lag", place.Lag);
            writer.WriteString("member", place.Member?.Identity.MemberId);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static async ValueTask<long?> EndOfAsync(IStreams streams, Topic? topic, int partition, CancellationToken cancellation)
    {
        if (topic?.Partition(partition) is null)
        {
            return null;
        }

        try
        {
            var found = await streams.FindAsync(topic, partition, new PartitionFind(PartitionFind.Latest, false), cancellation)
                .ConfigureAwait(false);
            return found.Offset;
        }
        catch (AtollException)
        {
            return null; // what cannot be asked now is not known; the rest is
        }
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, long? number)
    {
        if (number is { } known)
        {
            writer.WriteNumber(name, known);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
