using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// What consumers say of themselves: version (2 bytes, big-endian), a number of topics (4 bytes) and their names (2 bytes length, UTF-8),
/// and more behind that, by version.
/// </summary>
public static class ConsumerSubscription
{
    /// <summary>The kind of groups whose members say this.</summary>
    public const string ProtocolType = "consumer";

    /// <summary>The topics; null when the bytes are no subscription.</summary>
    public static IReadOnlyList<string>? TryReadTopics(ReadOnlySpan<byte> metadata)
    {
        if (metadata.Length < 6)
        {
            return null;
        }

        var count = BinaryPrimitives.ReadInt32BigEndian(metadata[2..]);
        var left = metadata[6..];
        var topics = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var length = left.Length < 2 ? -1 : BinaryPrimitives.ReadInt16BigEndian(left);
            if (length < 0 || left.Length - 2 < length)
            {
                return null;
            }

            topics.Add(Encoding.UTF8.GetString(left.Slice(2, length)));
            left = left[(2 + length)..];
        }

        return topics;
    }

    /// <summary>Writes a subscription, of the oldest version.</summary>
    public static byte[] Write(IReadOnlyList<string> topics)
    {
        var writer = new ArrayBufferWriter<byte>();
        WriteInt16(writer, 0);
        WriteInt32(writer, topics.Count);
        foreach (var topic in topics)
        {
            WriteName(writer, topic);
        }

        WriteInt32(writer, -1); // no words of the member's own
        return writer.WrittenSpan.ToArray();
    }

    internal static void WriteInt16(ArrayBufferWriter<byte> writer, int number)
    {
        BinaryPrimitives.WriteInt16BigEndian(writer.GetSpan(sizeof(short)), checked((short)number));
        writer.Advance(sizeof(short));
    }

    internal static void WriteInt32(ArrayBufferWriter<byte> writer, int number)
    {
        BinaryPrimitives.WriteInt32BigEndian(writer.GetSpan(sizeof(int)), number);
        writer.Advance(sizeof(int));
    }

    internal static void WriteName(ArrayBufferWriter<byte> writer, string name)
    {
        WriteInt16(writer, Encoding.UTF8.GetByteCount(name));
        Encoding.UTF8.GetBytes(name, writer);
    }
}
