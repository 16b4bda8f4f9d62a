using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Services.Streams;

/// <summary>
/// The settings of a topic, by the names that Kafka gives them. What was not set has its default. Immutable; kept in the directory as a
/// JSON object of what was set.
/// </summary>
public sealed class TopicSettings
{
    /// <summary>Nothing set.</summary>
    public static readonly TopicSettings Default = new(ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal));

    private TopicSettings(ImmutableSortedDictionary<string, string> chosen)
    {
        Chosen = chosen;
        BatchBytesMax = (int)Number(TopicSetting.BatchBytesMax);
        var policy = TopicSetting.WordsOf(this[TopicSetting.CleanupPolicy]);
        var isDeleted = policy.Contains(TopicSetting.Delete, StringComparer.Ordinal);
        var segmentMilliseconds = Number(TopicSetting.SegmentMilliseconds);
        if (policy.Contains(TopicSetting.Compact, StringComparer.Ordinal))
        {
            Compaction = new CompactionSettings(
                double.Parse(this[TopicSetting.DirtyRatioMin], NumberStyles.Float, CultureInfo.InvariantCulture),
                Number(TopicSetting.CompactionLagMilliseconds), Number(TopicSetting.TombstoneMilliseconds))
            {
                LagMaxMilliseconds = Number(TopicSetting.CompactionLagMaxMilliseconds),
                BatchBytes = Math.Min(CompactionSettings.Default.BatchBytes, BatchBytesMax / 2),
            };

            // A segment that is being written is not compacted.
            segmentMilliseconds = Math.Min(segmentMilliseconds, Compaction.LagMaxMilliseconds);
        }

        Partition = new PartitionSettings(
            isDeleted ? Number(TopicSetting.RetentionMilliseconds) : -1, isDeleted ? Number(TopicSetting.RetentionBytes) : -1,
            Number(TopicSetting.SegmentBytes), segmentMilliseconds);
    }

    /// <summary>What was set, by name.</summary>
    public ImmutableSortedDictionary<string, string> Chosen { get; }

    /// <summary>What the partitions need to know.</summary>
    public PartitionSettings Partition { get; }

    /// <summary>The largest batch that is taken, in bytes, head included.</summary>
    public int BatchBytesMax { get; }

    /// <summary>How the partitions are compacted by key; null when they are not.</summary>
    public CompactionSettings? Compaction { get; }

    /// <summary>Which settings do not fit together, in a sentence for people; null when all do.</summary>
    public string? Conflict =>
        Number(TopicSetting.CompactionLagMilliseconds) is var low && Number(TopicSetting.CompactionLagMaxMilliseconds) is var high
        && low > high
            ? $"{TopicSetting.CompactionLagMilliseconds.Name} is {low}, more than {TopicSetting.CompactionLagMaxMilliseconds.Name}, {high}"
            : null;

    /// <summary>The value of a setting as text, set or not.</summary>
    public string this[TopicSetting setting] => Chosen.GetValueOrDefault(setting.Name, setting.Default);

    /// <summary>The settings with one of them set, or, by null, not set any more.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null for the default.</param>
    /// <param name="changed">The new settings; these, when it is refused.</param>
    /// <returns>Why it is refused, in a sentence for people; null when it is not.</returns>
    public string? TrySet(string name, string? value, out TopicSettings changed)
    {
        changed = this;
        if (TopicSetting.Find(name) is not { } setting)
        {
            return $"there is no setting \"{name}\"; there are {string.Join(", ", TopicSetting.All.Select(static known => known.Name))}";
        }

        if (value is not null && setting.FaultOf(value) is { } fault)
        {
            return fault;
        }

        changed = new TopicSettings(value is null ? Chosen.Remove(setting.Name) : Chosen.SetItem(setting.Name, value));
        return null;
    }

    /// <summary>The settings with words more, or fewer, in one that is a list.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="words">The words, with commas between them; those that are there already, or are not, change nothing.</param>
    /// <param name="adds">Whether they come; else they go.</param>
    /// <param name="changed">The new settings; these, when it is refused.</param>
    /// <returns>Why it is refused, in a sentence for people; null when it is not.</returns>
    public string? TrySetPart(string name, string words, bool adds, out TopicSettings changed)
    {
        changed = this;
        if (TopicSetting.Find(name) is { Kind: TopicSettingKind.List } setting)
        {
            var (known, part) = (TopicSetting.WordsOf(this[setting]), TopicSetting.WordsOf(words));
            return TrySet(
                name, string.Join(',', adds ? known.Union(part, StringComparer.Ordinal) : known.Except(part, StringComparer.Ordinal)),
                out changed);
        }

        return $"{name} is no list that could be changed in part";
    }

    /// <summary>As it is kept in the directory.</summary>
    public byte[] ToDocument() => JsonSerializer.SerializeToUtf8Bytes<IReadOnlyDictionary<string, string>>(Chosen);

    /// <summary>Reads what is kept in the directory. What this version does not know, or not take, is left out.</summary>
    public static TopicSettings OfDocument(ReadOnlySpan<byte> document)
    {
        var settings = Default;
        try
        {
            foreach (var (name, value) in JsonSerializer.Deserialize<Dictionary<string, string>>(document) ?? [])
            {
                _ = settings.TrySet(name, value ?? "", out settings);
            }
        }
        catch (JsonException)
        {
            return Default;
        }

        return settings;
    }

    private long Number(TopicSetting setting) => long.Parse(this[setting], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
