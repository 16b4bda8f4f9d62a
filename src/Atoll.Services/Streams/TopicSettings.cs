using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Atoll.StateMachines.Streams;

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
        Partition = new PartitionSettings(
            Number(TopicSetting.RetentionMilliseconds), Number(TopicSetting.RetentionBytes), Number(TopicSetting.SegmentBytes),
            Number(TopicSetting.SegmentMilliseconds));
        BatchBytesMax = (int)Number(TopicSetting.BatchBytesMax);
    }

    /// <summary>What was set, by name.</summary>
    public ImmutableSortedDictionary<string, string> Chosen { get; }

    /// <summary>What the partitions need to know.</summary>
    public PartitionSettings Partition { get; }

    /// <summary>The largest batch that is taken, in bytes, head included.</summary>
    public int BatchBytesMax { get; }

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
