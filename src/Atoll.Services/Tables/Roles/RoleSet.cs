using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Roles;

/// <summary>
/// All roles of a cluster, immutable. As bytes: format (byte); count (varint) and roles in the order of their names: name, hash (string;
/// empty: none), whether it can log in, whether it is a superuser (byte each), count and names of the roles that were granted to it.
/// </summary>
public sealed class RoleSet
{
    /// <summary>Roles in a cluster.</summary>
    public const int RolesMax = 4096;

    /// <summary>No roles.</summary>
    public static readonly RoleSet Empty = new(ImmutableSortedDictionary.Create<string, Role>(StringComparer.Ordinal));

    private const byte FormatVersion = 1;

    private readonly ImmutableSortedDictionary<string, Role> _roles;

    private RoleSet(ImmutableSortedDictionary<string, Role> roles) => _roles = roles;

    /// <summary>The roles in the order of their names.</summary>
    public IEnumerable<Role> All => _roles.Values;

    /// <summary>How many there are.</summary>
    public int Count => _roles.Count;

    /// <summary>Finds a role.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Role? role) => _roles.TryGetValue(name, out role);

    /// <summary>With this role, in place of one of the same name.</summary>
    public RoleSet With(Role role) => new(_roles.SetItem(role.Name, role));

    /// <summary>Without a role, and without anybody who has it.</summary>
    public RoleSet Without(string name) => new(_roles.Remove(name).SetItems(
        _roles.Values.Where(role => role.Name != name && role.MemberOf.Contains(name))
            .Select(role => KeyValuePair.Create(role.Name, role with { MemberOf = role.MemberOf.Remove(name) }))));

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
        var writer = new WireWriter(256);
        writer.WriteByte(FormatVersion);
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
        }

        return writer.ToArray();
    }

    /// <summary>Reads roles.</summary>
    /// <returns>False when the bytes are none.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out RoleSet? roles)
    {
        roles = null;
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        var read = Empty._roles.ToBuilder();
        for (var left = reader.ReadCount(RolesMax); left > 0 && reader.Ok; left--)
        {
            var (name, hash, canLogin, isSuperuser) = (reader.ReadString(), reader.ReadString(), reader.ReadBool(), reader.ReadBool());
            var memberOf = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
            for (var granted = reader.ReadCount(RolesMax); granted > 0 && reader.Ok; granted--)
            {
                memberOf.Add(reader.ReadString());
            }

            read[name] = new Role(name, hash.Length == 0 ? null : hash, canLogin, isSuperuser, memberOf.ToImmutable());
        }

        if (version != FormatVersion || !reader.OkAtEnd)
        {
            return false;
        }

        roles = new RoleSet(read.ToImmutable());
        return true;
    }
}
