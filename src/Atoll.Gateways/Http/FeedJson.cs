using System.Text.Json;
using Atoll.Services.Streams.Feeds;

namespace Atoll.Gateways.Http;

/// <summary>Feeds as members of a JSON object that the caller begins and ends.</summary>
public static class FeedJson
{
    /// <summary>A feed.</summary>
    public static void Write(Utf8JsonWriter writer, Feed feed)
    {
        writer.WriteString("name", feed.Name);
        writer.WriteString("space", feed.Space);
        writer.WriteString("topic", feed.Topic);
        writer.WriteNumber("partitions", feed.Partitions);
        writer.WriteString("group", feed.Group);
    }

    /// <summary>How far it has come, shard by shard.</summary>
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<FeedProgress> progress)
    {
        writer.WriteStartArray("shards");
        foreach (var shard in progress)
        {
            writer.WriteStartObject();
            writer.WriteString("shard", $"{shard.Shard}");
            writer.WriteString("state", NameOf(shard.State));
            writer.WriteNumber("snapshot", shard.Snapshot);
            writer.WriteString("through", RecordJson.Version(shard.Through));
            if (shard.Lag is { } lag)
            {
                writer.WriteNumber("lagMs", (long)lag.TotalMilliseconds);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>A state in a word.</summary>
    public static string NameOf(FeedState state) => state switch
    {
        FeedState.Snapshot => "snapshot",
        FeedState.Following => "following",
        _ => "behind",
    };
}
