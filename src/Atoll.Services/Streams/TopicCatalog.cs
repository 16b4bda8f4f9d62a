using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams;

/// <summary>The topics of a cluster at one version of its directory. Immutable.</summary>
public sealed class TopicCatalog
{
    /// <summary>What the names of the directory's documents about topics begin with; the number of the space follows.</summary>
    internal const string DocumentPrefix = "topic:";

    private readonly FrozenDictionary<string, Topic> _byName;
    private readonly FrozenDictionary<Guid, Topic> _byId;

    private TopicCatalog(DirectoryView view, ImmutableArray<Topic> topics)
    {
        View = view;
        Topics = topics;
        _byName = topics.ToFrozenDictionary(static topic => topic.Name, StringComparer.Ordinal);
        _byId = topics.ToFrozenDictionary(static topic => topic.Id);
    }

    /// <summary>The directory that it was made of.</summary>
    public DirectoryView View { get; }

    /// <summary>All topics, by name (ordinal).</summary>
    public ImmutableArray<Topic> Topics { get; }

    /// <summary>The topic of that name; null when there is none.</summary>
    public Topic? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The topic of that identity; null when there is none.</summary>
    public Topic? Find(Guid id) => _byId.GetValueOrDefault(id);

    /// <summary>The topics of a directory.</summary>
    public static TopicCatalog Of(DirectoryView view)
    {
        var settings = view.Documents
            .Where(static document => document.Name.StartsWith(DocumentPrefix, StringComparison.Ordinal))
            .ToDictionary(static document => document.Name, static document => document.Value, StringComparer.Ordinal);
        return new TopicCatalog(
            view,
            [
                .. view.Spaces.Where(static space => space.Options.Kind == SpaceKind.Streams)
                    .OrderBy(static space => space.Name, StringComparer.Ordinal)
                    .Select(space => new Topic(
                        IdOf(view.ClusterId, space.Id), space, [.. view.ShardsOf(space.Id)],
                        settings.TryGetValue(DocumentPrefix + NameOfDocument(space.Id), out var document)
                            ? TopicSettings.OfDocument(document.Span) : TopicSettings.Default)),
            ]);
    }

    /// <summary>The name of the document with a topic's settings, behind the prefix.</summary>
    internal static string NameOfDocument(SpaceId space) => space.Value.ToString(CultureInfo.InvariantCulture);

    // Spaces' numbers are never given twice in a cluster, and clusters' numbers are drawn at random.
    private static Guid IdOf(ulong clusterId, SpaceId space)
    {
        Span<byte> identity = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(identity, clusterId);
        BinaryPrimitives.WriteUInt64BigEndian(identity[8..], space.Value);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(identity, hash);

        // Version 4, variant 1 (RFC 4122, section 4.1), so that it is none of the identities that mean something.
        hash[6] = (byte)((hash[6] & 0x0F) | 0x40);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
