using System.Buffers.Text;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Services.Calls;

/// <summary>A version for each of several shards, as bytes: the inside of session and watch tokens.</summary>
internal static class ShardVersions
{
    /// <summary>Appends the pairs, in the order of the shards.</summary>
    public static void Write(WireWriter writer, SortedDictionary<ShardId, HybridTime> versions)
    {
        writer.WriteVarint((ulong)versions.Count);
        foreach (var (shard, version) in versions)
        {
            writer.WriteVarint(shard.Value);
            writer.WriteUInt64(version.Value);
        }
    }

    /// <summary>Decodes a token: a version byte, then the pairs, in base64url. False for everything else.</summary>
    public static bool TryDecode(string token, byte tokenVersion, int shardsMax, out SortedDictionary<ShardId, HybridTime> versions)
    {
        versions = [];
        var text = Encoding.UTF8.GetBytes(token);
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromUtf8(text, bytes, out _, out var length) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        var reader = new WireReader(bytes.AsMemory(0, length));
        if (reader.ReadByte() != tokenVersion)
        {
            return false;
        }

        for (var left = reader.ReadCount(shardsMax); left > 0 && reader.Ok; left--)
        {
            var shard = new ShardId(reader.ReadVarint());
            versions[shard] = new HybridTime(reader.ReadUInt64());
        }

        return reader.OkAtEnd;
    }
}
