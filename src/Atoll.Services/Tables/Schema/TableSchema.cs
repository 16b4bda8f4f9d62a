using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Schema;

/// <summary>All keyspaces at one moment. Immutable.</summary>
public sealed class TableSchema
{
    /// <summary>No keyspaces.</summary>
    public static readonly TableSchema Empty = new(
        ImmutableSortedDictionary.Create<string, KeyspaceDefinition>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, ulong>(StringComparer.Ordinal));

    private readonly ImmutableSortedDictionary<string, ulong> _versions;

    /// <summary>A schema of those keyspaces.</summary>
    /// <param name="keyspaces">By name; the system's own included.</param>
    /// <param name="versions">By name, the version of each keyspace's document; the system's own have none.</param>
    public TableSchema(
        ImmutableSortedDictionary<string, KeyspaceDefinition> keyspaces, ImmutableSortedDictionary<string, ulong> versions)
    {
        Keyspaces = keyspaces;
        _versions = versions;
        Version = Hash(versions);
    }

    /// <summary>The keyspaces, by name.</summary>
    public ImmutableSortedDictionary<string, KeyspaceDefinition> Keyspaces { get; }

    /// <summary>
    /// What nodes and drivers compare to see whether they agree: made from the documents' versions, so that nodes that know the same
    /// documents have the same.
    /// </summary>
    public Guid Version { get; }

    /// <summary>The table of that name.</summary>
    public bool TryGetTable(string keyspace, string table, [NotNullWhen(true)] out TableDefinition? definition)
    {
        definition = null;
        return Keyspaces.TryGetValue(keyspace, out var found) && found.Tables.TryGetValue(table, out definition);
    }

    /// <summary>The version of a keyspace's document; 0 when there is none.</summary>
    public ulong VersionOf(string keyspace) => _versions.GetValueOrDefault(keyspace);

    private static Guid Hash(ImmutableSortedDictionary<string, ulong> versions)
    {
        var writer = new WireWriter();
        foreach (var (name, version) in versions)
        {
            writer.WriteString(name);
            writer.WriteUInt64(version);
        }

        var hash = SHA256.HashData(writer.Written).AsSpan(0, 16);

        // Version 4, variant 1 (RFC 4122, section 4.1): some drivers look.
        hash[6] = (byte)((hash[6] & 0x0F) | 0x40);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(
            BinaryPrimitives.ReadUInt32BigEndian(hash), BinaryPrimitives.ReadUInt16BigEndian(hash[4..]),
            BinaryPrimitives.ReadUInt16BigEndian(hash[6..]), hash[8], hash[9], hash[10], hash[11], hash[12], hash[13], hash[14], hash[15]);
    }
}
