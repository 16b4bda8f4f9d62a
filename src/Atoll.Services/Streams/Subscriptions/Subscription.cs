using System.Text.Json;
using System.Text.Json.Serialization;

namespace Atoll.Services.Streams.Subscriptions;

/// <summary>
/// A topic pushed to a URL: each partition's records in order, each of them at least once. Immutable; kept in the directory as JSON.
/// </summary>
public sealed record Subscription
{
    /// <summary>The longest name: with what stands before and behind it, it is the name of a group.</summary>
    public const int NameCharactersMax = 100;

    private const int UrlCharactersMax = 2_000;
    private const int SecretCharactersMin = 16;
    private const int SecretCharactersMax = 200;
    private const int AttemptsHigh = 1_000;
    private const int RecordsHigh = 1_000;
    private const int BytesHigh = 1024 * 1024;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Tells it from others that had its name before.</summary>
    public Guid Id { get; init; }

    /// <summary>The topic's name.</summary>
    public string Topic { get; init; } = "";

    /// <summary>The topic: another one of the same name is not pushed.</summary>
    public Guid TopicId { get; init; }

    /// <summary>Where records are posted to: http or https.</summary>
    public string Url { get; init; } = "";

    /// <summary>Where each partition began: a <see cref="PlaceInPartition"/>.</summary>
    public string From { get; init; } = "earliest";

    /// <summary>What deliveries are signed with.</summary>
    public string Secret { get; init; } = "";

    /// <summary>The topic that gets what cannot be delivered; null: nothing is ever given up.</summary>
    public string? DeadLetters { get; init; }

    /// <summary>How often a delivery is tried.</summary>
    public int AttemptsMax { get; init; } = 20;

    /// <summary>The longest wait before the second try, in milliseconds; it doubles from try to try.</summary>
    public int FirstDelayMs { get; init; } = 1_000;

    /// <summary>The longest wait between two tries, in milliseconds.</summary>
    public int LongestDelayMs { get; init; } = 5 * 60 * 1_000;

    /// <summary>How long the receiver may take to answer, in milliseconds.</summary>
    public int TimeoutMs { get; init; } = 10_000;

    /// <summary>Records of one delivery.</summary>
    public int RecordsMax { get; init; } = 100;

    /// <summary>Bytes of keys, values and headers of one delivery; a single record may have more.</summary>
    public int BytesMax { get; init; } = 256 * 1024;

    /// <summary>The group whose members are the nodes that deliver, and whose offsets are how far it has come.</summary>
    [JsonIgnore]
    public string Group => $"atoll.subscription.{Name}.{Id:n}";

    /// <summary>What is wrong with it, in a sentence for people; null when nothing is.</summary>
    public string? Fault() =>
        Name.Length > NameCharactersMax || Streams.Topic.FaultOfName(Name) is not null
            ? $"the name of a subscription has 1 to {NameCharactersMax} of the letters a to z and A to Z, digits, '.', '_' and '-'"
        : Url.Length > UrlCharactersMax || !Uri.TryCreate(Url, UriKind.Absolute, out var url)
            || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps) || url.Host.Length == 0
            ? $"the URL is an absolute one of http or https, and has at most {UrlCharactersMax} characters"
        : url.UserInfo.Length > 0 ? "the URL may not hold a user's name or password"
        : !PlaceInPartition.TryParse(From, out _) ? $"from is {PlaceInPartition.Words}, not \"{From}\""
        : Secret.Length is < SecretCharactersMin or > SecretCharactersMax
            ? $"the secret has {SecretCharactersMin} to {SecretCharactersMax} characters"
        : DeadLetters == Topic ? "what cannot be delivered may not go to the topic itself"
        : Range("attemptsMax", AttemptsMax, 1, AttemptsHigh) ?? Range("firstDelayMs", FirstDelayMs, 1, 24 * 60 * 60 * 1_000)
            ?? Range("longestDelayMs", LongestDelayMs, FirstDelayMs, 24 * 60 * 60 * 1_000)
            ?? Range("timeoutMs", TimeoutMs, 10, 5 * 60 * 1_000) ?? Range("recordsMax", RecordsMax, 1, RecordsHigh)
            ?? Range("bytesMax", BytesMax, 1, BytesHigh);

    /// <summary>As it is kept in the directory.</summary>
    internal byte[] ToDocument() => JsonSerializer.SerializeToUtf8Bytes(this, Options);

    /// <summary>Reads what is kept in the directory; null when it is none that this version can serve.</summary>
    internal static Subscription? OfDocument(ReadOnlySpan<byte> document)
    {
        try
        {
            return JsonSerializer.Deserialize<Subscription>(document, Options)
                is { Name: not null, Topic: not null, Url: not null, From: not null, Secret: not null } read && read.Fault() is null
                ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Range(string name, int value, int low, int high) =>
        value >= low && value <= high ? null : $"{name} is a number from {low} to {high}, not {value}";
}
