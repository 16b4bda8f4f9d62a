using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Services.Tables.Roles;

/// <summary>
/// All roles of a cluster, immutable. As bytes: format (byte); count (varint) and roles in the order of their names: name, hash (string;
/// empty: none), whether it can log in, whether it is a superuser (byte each), count and names of the roles that were granted to it. In
/// format 2 the key of decoys (bytes) stands before the count, and count and <see cref="ScramVerifier"/>s at the end of each role. Roles
/// without these two are written in format 1.
/// </summary>
public sealed class RoleSet
{
    /// <summary>Roles in a cluster.</summary>
    public const int RolesMax = 4096;

    /// <summary>No roles.</summary>
    public static readonly RoleSet Empty = new(ImmutableSortedDictionary.Create<string, Role>(StringComparer.Ordinal));

    /// <summary>Bytes of <see cref="DecoyKey"/>.</summary>
    internal const int DecoyKeyBytes = 32;

    private const byte FirstFormatVersion = 1;
    private const byte FormatVersion = 2;
    private const int VerifiersMax = 2;

    private readonly ImmutableSortedDictionary<string, Role> _roles;

    private RoleSet(ImmutableSortedDictionary<string, Role> roles, ReadOnlyMemory<byte> decoyKey = default) =>
        (_roles, DecoyKey) = (roles, decoyKey);

    /// <summary>
    /// A secret by which every node makes the same <see cref="ScramVerifier.Decoy"/> for a name; empty as long as no role has a verifier.
    /// </summary>
    public ReadOnlyMemory<byte> DecoyKey { get; }

    /// <summary>The roles in the order of their names.</summary>
    public IEnumerable<Role> All => _roles.Values;

    /// <summary>How many there are.</summary>
    public int Count => _roles.Count;

    /// <summary>Finds a role.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Role? role) => _roles.TryGetValue(name, out role);

    /// <summary>With this role, in place of one of the same name.</summary>
    public RoleSet With(Role role) => new(_roles.SetItem(role.Name, role), DecoyKey);

    /// <summary>Without a role, and without anybody who has it.</summary>
    public RoleSet Without(string name) => new(_roles.Remove(name).SetItems(
        _roles.Values.Where(role => role.Name != name && role.MemberOf.Contains(name))
            .Select(role => KeyValuePair.Create(role.Name, role with { MemberOf = role.MemberOf.Remove(name) }))), DecoyKey);

    /// <summary>With a key of decoys.</summary>
    internal RoleSet WithDecoyKey(ReadOnlyMemory<byte> key)
    {
        Check.That(key.Length == DecoyKeyBytes);
        return new RoleSet(_roles, key);
    }

    /// <summary>
    /// The role and every role that it has, granted to it or to one of these; empty when there is no such role.
    /// </summary>
    /// <param name="name">The role.</param>
    /// <param name="isRecursive">False: only those that were granted to it.</param>
    public IReadOnlyCollection<Role> HeldBy(string name, bool isRecursive = true)
    {
        var held = new SortedDictionary<string, Role>(StringComparer.Ordinal);
        var next = new Stack<string>([name]);
        while (next.TryPop(out var one))
        {
            if (_roles.TryGetValue(one, out var role) && held.TryAdd(one, role) && (isRecursive || one == name))
            {
                foreach (var granted in role.MemberOf)
                {
                    next.Push(granted);
                }
            }
        }

        return held.Values;
    }

    /// <summary>Whether a role may change roles, by itself or by one that it has.</summary>
    public bool IsSuperuser(string name) => HeldBy(name).Any(static role => role.IsSuperuser);

    /// <summary>The roles as bytes.</summary>
    public byte[] Encode()
    {
        var format = DecoyKey.IsEmpty && _roles.Values.All(static role => role.Scram.Length == 0) ? FirstFormatVersion : FormatVersion;
        var writer = new WireWriter(256);
        writer.WriteByte(format);
        if (format == FormatVersion)
        {
            writer.WriteBytes(DecoyKey.Span);
        }

        writer.WriteVarint((ulong)_roles.Count);
        foreach (var role in _roles.Values)
        {
            writer.WriteString(role.Name);
            writer.WriteString(role.PasswordHash ?? "");
            writer.WriteBool(role.CanLogin);
            writer.WriteBool(role.IsSuperuser);
            writer.WriteVarint((ulong)role.MemberOf.Count);
            foreach (var granted in role.MemberOf)
            {
                writer.WriteString(granted);
            }

            if (format == FormatVersion)
            {
                writer.WriteVarint((ulong)role.Scram.Length);
                foreach (var verifier in role.Scram)
                {
                    verifier.Write(writer);
                }
            }
        }

        return writer.ToArray();
    }

    /// <summary>Reads roles.</summary>
    /// <returns>False when the bytes are none.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out RoleSet? roles)
    {
        roles = null;
        var reader = new WireReader(bytes);
        var format = reader.ReadByte();
        if (format is not (FirstFormatVersion or FormatVersion))
        {
            return false;
        }

        var decoyKey = format == FormatVersion ? reader.ReadBytes() : default;
        var read = Empty._roles.ToBuilder();
        for (var left = reader.ReadCount(RolesMax); left > 0 && reader.Ok; left--)
        {
            var (name, hash, canLogin, isSuperuser) = (reader.ReadString(), reader.ReadString(), reader.ReadBool(), reader.ReadBool());
            var memberOf = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
            for (var granted = reader.ReadCount(RolesMax); granted > 0 && reader.Ok; granted--)
            {
                memberOf.Add(reader.ReadString());
            }

            if (TryReadVerifiers(ref reader, format) is not { } verifiers)
            {
                return false;
            }

            read[name] = new Role(name, hash.Length == 0 ? null : hash, canLogin, isSuperuser, memberOf.ToImmutable())
            {
                Scram = verifiers,
            };
        }

        if (!reader.OkAtEnd || decoyKey.Length is not (0 or DecoyKeyBytes))
        {
            return false;
        }

        roles = new RoleSet(read.ToImmutable(), decoyKey);
        return true;
    }

    private static ImmutableArray<ScramVerifier>? TryReadVerifiers(ref WireReader reader, byte format)
    {
        var verifiers = ImmutableArray.CreateBuilder<ScramVerifier>();
        for (var left = format == FormatVersion ? reader.ReadCount(VerifiersMax) : 0; left > 0; left--)
        {
            if (ScramVerifier.Read(ref reader) is not { } verifier || verifiers.Any(other => other.Mechanism == verifier.Mechanism))
            {
                return null;
            }

            verifiers.Add(verifier);
        }

        return verifiers.ToImmutable();
    }
}
