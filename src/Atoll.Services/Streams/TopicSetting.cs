using System.Globalization;
using Atoll.Foundation;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Services.Streams;

/// <summary>What a setting's value is.</summary>
public enum TopicSettingKind
{
    /// <summary>A number of 32 bits.</summary>
    Int,

    /// <summary>A number of 64 bits.</summary>
    Long,

    /// <summary>One of some words.</summary>
    Word,

    /// <summary>A number with a fraction.</summary>
    Double,

    /// <summary>Some of some words, each once, with commas between them.</summary>
    List,
}

/// <summary>A setting that topics have.</summary>
/// <param name="Name">Its name, as Kafka has it.</param>
/// <param name="Kind">What its value is.</param>
/// <param name="Default">What it is when nobody set it.</param>
/// <param name="Low">The least number; for words 0.</param>
/// <param name="High">The largest number; for words 0.</param>
/// <param name="Words">The words that are taken; empty for numbers.</param>
/// <param name="Purpose">What it is for, in a sentence.</param>
public sealed record TopicSetting(
    string Name, TopicSettingKind Kind, string Default, long Low, long High, IReadOnlyList<string> Words, string Purpose)
{
    /// <summary>The word for "old records go".</summary>
    internal const string Delete = "delete";

    /// <summary>The word for "records go that a later one of their key replaces".</summary>
    internal const string Compact = "compact";

    // The largest command that is taken, less its kind.
    private const int BatchBytesHigh = Limits.ValueBytesMax - PartitionCommand.BatchAt;

    /// <summary>How long records are kept.</summary>
    public static readonly TopicSetting RetentionMilliseconds = Long(
        "retention.ms", PartitionSettings.Default.RetentionMilliseconds, -1,
        "How long records are kept after their timestamps; -1: for ever");

    /// <summary>How many bytes are kept.</summary>
    public static readonly TopicSetting RetentionBytes = Long(
        "retention.bytes", PartitionSettings.Default.RetentionBytes, -1,
        "Segments of a partition beyond so many bytes go, the oldest first; -1: none");

    /// <summary>When a segment ends.</summary>
    public static readonly TopicSetting SegmentBytes = new(
        "segment.bytes", TopicSettingKind.Int, Text(PartitionSettings.Default.SegmentBytes), 1024, int.MaxValue, [],
        "A segment ends when it has so many bytes");

    /// <summary>When a segment ends.</summary>
    public static readonly TopicSetting SegmentMilliseconds = Long(
        "segment.ms", PartitionSettings.Default.SegmentMilliseconds, 1, "A segment ends when it is so old and something is appended");

    /// <summary>The largest batch.</summary>
    public static readonly TopicSetting BatchBytesMax = new(
        "max.message.bytes", TopicSettingKind.Int, Text((1024 * 1024) + 12), 100, BatchBytesHigh, [],
        "The largest batch that is taken, compressed as it came");

    /// <summary>What becomes of old records.</summary>
    public static readonly TopicSetting CleanupPolicy = new(
        "cleanup.policy", TopicSettingKind.List, Delete, 0, 0, [Delete, Compact],
        "delete: old records go, by retention.ms and retention.bytes; compact: records go that a later one of their key replaces");

    /// <summary>When a round of compaction is due.</summary>
    public static readonly TopicSetting DirtyRatioMin = new(
        "min.cleanable.dirty.ratio", TopicSettingKind.Double,
        CompactionSettings.Default.DirtyRatioMin.ToString(CultureInfo.InvariantCulture), 0, 1, [],
        "A partition is compacted when so much of what can be compacted never was: from 0 to 1");

    /// <summary>What is too young to be compacted.</summary>
    public static readonly TopicSetting CompactionLagMilliseconds = Long(
        "min.compaction.lag.ms", CompactionSettings.Default.LagMilliseconds, 0, "Records that are younger are not compacted");

    /// <summary>What has waited long enough to be compacted.</summary>
    public static readonly TopicSetting CompactionLagMaxMilliseconds = new(
        "max.compaction.lag.ms", TopicSettingKind.Long, Text(CompactionSettings.Default.LagMaxMilliseconds), 1, long.MaxValue, [],
        "A partition is compacted, whatever its dirty ratio, when a record has waited for so long; and a segment ends when it is so old");

    /// <summary>How long tombstones are kept.</summary>
    public static readonly TopicSetting TombstoneMilliseconds = Long(
        "delete.retention.ms", CompactionSettings.Default.TombstoneMilliseconds, 0,
        "How long tombstones are kept after the compaction that left nothing before them: who reads from the beginning must be faster");

    /// <summary>Who compresses.</summary>
    public static readonly TopicSetting CompressionType = Word(
        "compression.type", ["producer"], "Batches are kept as the producer compressed them");

    /// <summary>Whose timestamps records have.</summary>
    public static readonly TopicSetting TimestampType = Word(
        "message.timestamp.type", ["CreateTime"], "Records keep the timestamps of their producers");

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<TopicSetting> All =
    [
        CleanupPolicy, CompressionType, TombstoneMilliseconds, CompactionLagMaxMilliseconds, BatchBytesMax, TimestampType,
        DirtyRatioMin, CompactionLagMilliseconds, RetentionBytes, RetentionMilliseconds, SegmentBytes, SegmentMilliseconds,
    ];

    /// <summary>The setting of that name; null when there is none.</summary>
    public static TopicSetting? Find(string name) =>
        All.FirstOrDefault(setting => string.Equals(setting.Name, name, StringComparison.Ordinal));

    /// <summary>The words of a list.</summary>
    public static string[] WordsOf(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Why a value is not taken, in a sentence for people; null when it is.</summary>
    public string? FaultOf(string value) => Kind switch
    {
        TopicSettingKind.Word => Words.Contains(value, StringComparer.Ordinal)
            ? null : $"{Name} is {string.Join(" or ", Words)}, not \"{value}\"",
        TopicSettingKind.List => WordsOf(value) is { Length: > 0 } words && words.Distinct(StringComparer.Ordinal).Count() == words.Length
            && words.All(word => Words.Contains(word, StringComparer.Ordinal))
            ? null : $"{Name} is {string.Join(" or ", Words)}, or several of them with commas between, not \"{value}\"",
        TopicSettingKind.Double => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var fraction)
            && fraction >= Low && fraction <= High
            ? null : $"{Name} is a number from {Low} to {High}, as 0.5, not \"{value}\"",
        _ => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number >= Low && number <= High
            ? null : $"{Name} is a number from {Low} to {High}, not \"{value}\"",
    };

    private static TopicSetting Long(string name, long otherwise, long low, string purpose) =>
        new(name, TopicSettingKind.Long, Text(otherwise), low, long.MaxValue / 2, [], purpose);

    private static TopicSetting Word(string name, IReadOnlyList<string> words, string purpose) =>
        new(name, TopicSettingKind.Word, words[0], 0, 0, words, purpose);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
