using System.Collections.Immutable;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams;

/// <summary>A topic: a space of streams.</summary>
/// <param name="Id">Its identity: never that of another one, also not of one of the same name that was deleted.</param>
/// <param name="Space">The space.</param>
/// <param name="Partitions">Its partitions, by number: the space's shards.</param>
/// <param name="Settings">Its settings.</param>
public sealed record Topic(Guid Id, SpaceInfo Space, ImmutableArray<ShardInfo> Partitions, TopicSettings Settings)
{
    /// <summary>The longest name.</summary>
    public const int NameCharactersMax = 249;

    /// <summary>Its name.</summary>
    public string Name => Space.Name;

    /// <summary>The shard of a partition; null when there is none of that number.</summary>
    public ShardInfo? Partition(int number) => number >= 0 && number < Partitions.Length ? Partitions[number] : null;

    /// <summary>Sees to it that a record has a key where each needs one.</summary>
    /// <exception cref="MissingKeyException">It has none.</exception>
    public void CheckKey(ReadOnlyMemory<byte>? key)
    {
        if (key is null && Settings.Compaction is not null)
        {
            throw new MissingKeyException(Name);
        }
    }

    /// <summary>Why a topic may not have a name, in a sentence for people; null when it may. The rules are Kafka's.</summary>
    public static string? FaultOfName(string name) =>
        name.Length is 0 or > NameCharactersMax ? $"the name of a topic has 1 to {NameCharactersMax} characters"
        : name is "." or ".." ? "the name of a topic is neither . nor .."
        : name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') ? null
        : "the name of a topic is made of the letters a to z and A to Z, digits, '.', '_' and '-'";
}
