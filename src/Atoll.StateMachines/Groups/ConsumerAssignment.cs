using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// What the leader of a group of consumers gives a member: version (2 bytes, big-endian), a number of topics (4 bytes), each with its name
/// (2 bytes length, UTF-8) and its partitions (4 bytes number, 4 bytes each), and words of the leader's behind that.
/// </summary>
public static class ConsumerAssignment
{
    /// <summary>The partitions, as they stand there; null when the bytes are no assignment.</summary>
    public static IReadOnlyList<TopicPartition>? TryRead(ReadOnlySpan<byte> assignment)
    {
        const int headBytes = sizeof(short) + sizeof(int);
        if (assignment.Length < headBytes)
        {
            return null;
        }

        var topics = BinaryPrimitives.ReadInt32BigEndian(assignment[sizeof(short)..]);
        var left = assignment[headBytes..];
        var places = new List<TopicPartition>();
        for (; topics > 0; topics--)
        {
            var length = left.Length < sizeof(short) ? -1 : BinaryPrimitives.ReadInt16BigEndian(left);
            if (length < 0 || left.Length < sizeof(short) + length + sizeof(int))
            {
                return null;
            }

            var topic = Encoding.UTF8.GetString(left.Slice(sizeof(short), length));
            left = left[(sizeof(short) + length)..];
            var count = BinaryPrimitives.ReadInt32BigEndian(left);
            left = left[sizeof(int)..];
            if (count < 0 || count > left.Length / sizeof(int))
            {
                return null;
            }

            for (; count > 0; count--)
            {
                places.Add(new TopicPartition(topic, BinaryPrimitives.ReadInt32BigEndian(left)));
                left = left[sizeof(int)..];
            }
        }

        return places;
    }

    /// <summary>Writes the assignment of partitions of one or several topics.</summary>
    public static byte[] Write(IEnumerable<TopicPartition> places)
    {
        var topics = places.GroupBy(static place => place.Topic, StringComparer.Ordinal).ToArray();
        var writer = new ArrayBufferWriter<byte>();
        ConsumerSubscription.WriteInt16(writer, 0);
        ConsumerSubscription.WriteInt32(writer, topics.Length);
        foreach (var topic in topics)
        {
            ConsumerSubscription.WriteName(writer, topic.Key);
            ConsumerSubscription.WriteInt32(writer, topic.Count());
            foreach (var place in topic)
            {
                ConsumerSubscription.WriteInt32(writer, place.Partition);
            }
        }

        ConsumerSubscription.WriteInt32(writer, -1); // no words of the leader's
        return writer.WrittenSpan.ToArray();
    }
}
