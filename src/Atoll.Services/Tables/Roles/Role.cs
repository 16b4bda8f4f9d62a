using System.Collections.Immutable;

namespace Atoll.Services.Tables.Roles;

/// <summary>Somebody, or a group of people, that clients of tables may act as.</summary>
/// <param name="Name">Its name, unique in the cluster.</param>
/// <param name="PasswordHash">See <see cref="Roles.PasswordHash"/>; null: it has no password, and nobody can log in as it.</param>
/// <param name="CanLogin">Whether clients may log in as it.</param>
/// <param name="IsSuperuser">Whether it may change roles; so may whoever has been granted a role that may.</param>
/// <param name="MemberOf">The roles that were granted to it, in order of their names.</param>
public sealed record Role(string Name, string? PasswordHash, bool CanLogin, bool IsSuperuser, ImmutableSortedSet<string> MemberOf)
{
    /// <summary>What is kept of the password for SCRAM, one a mechanism; none where only a hash of it was ever known.</summary>
    public ImmutableArray<ScramVerifier> Scram { get; init; } = [];
}

/// <summary>Who a client has shown to be.</summary>
/// <param name="Name">The role, or what a client with an access token calls itself.</param>
/// <param name="IsOperator">Whether it came with an access token: it may do everything, whatever the roles say.</param>
public sealed record TableUser(string Name, bool IsOperator);
