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
}
