using System.Text.Json;
using System.Text.Json.Serialization;
using Atoll.Foundation.Identity;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// The changes of a space of records or of a table, as records of a topic: each change once, those of a key in order. Immutable; kept in
/// the directory as JSON.
/// </summary>
public sealed record Feed
{
    /// <summary>The longest name: with what stands before and behind it, it is the name of a group.</summary>
    public const int NameCharactersMax = 100;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };

    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Tells it from others that had its name before.</summary>
    public Guid Id { get; init; }

    /// <summary>The space's name.</summary>
    public string Space { get; init; } = "";

    /// <summary>The space's number: another one of the same name is not fed.</summary>
    public ulong SpaceNumber { get; init; }

    /// <summary>Whether the space holds the rows of a table.</summary>
    public bool IsTable { get; init; }

    /// <summary>The topic's name.</summary>
    public string Topic { get; init; } = "";

    /// <summary>The topic: another one of the same name gets nothing.</summary>
    public Guid TopicId { get; init; }

    /// <summary>
    /// Partitions that the topic had when the feed was made. No others are written to, so that a key stays in the one that it was in.
    /// </summary>
    public int Partitions { get; init; }

    /// <summary>The group whose offsets are how far it has come.</summary>
    [JsonIgnore]
    public string Group => $"atoll.feed.{Name}.{Id:n}";

    /// <summary>What is wrong with its name, in a sentence for people; null when nothing is.</summary>
    internal string? Fault() => Name.Length > NameCharactersMax || Streams.Topic.FaultOfName(Name) is not null
        ? $"the name of a feed has 1 to {NameCharactersMax} of the letters a to z and A to Z, digits, '.', '_' and '-'" : null;

    /// <summary>The transactional id of who copies one of the space's shards: there is one at a time.</summary>
    internal string TransactionalId(ShardId shard) => $"{Group}.{shard}";

    /// <summary>As it is kept in the directory.</summary>
    internal byte[] ToDocument() => JsonSerializer.SerializeToUtf8Bytes(this, Options);

    /// <summary>Reads what is kept in the directory; null when it is none that this version can serve.</summary>
    internal static Feed? OfDocument(ReadOnlySpan<byte> document)
    {
        try
        {
            return JsonSerializer.Deserialize<Feed>(document, Options)
                is { Name: not null, Space: not null, Topic: not null, Partitions: > 0 } read && read.Fault() is null ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
