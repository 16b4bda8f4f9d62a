using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Cql.Security;

/// <summary>Says who may come in. Thread-safe.</summary>
public interface ICqlAuthenticator
{
    /// <summary>Whether clients must say who they are.</summary>
    bool IsRequired { get; }

    /// <summary>Checks a name and its password.</summary>
    /// <returns>Who the client is; null when they are not right.</returns>
    ValueTask<TableUser?> AuthenticateAsync(string userName, string password, CancellationToken cancellationToken);
}

/// <summary>Lets everybody in, without asking.</summary>
public sealed class OpenAuthenticator : ICqlAuthenticator
{
    /// <summary>The one instance.</summary>
    public static readonly OpenAuthenticator Instance = new();

    private OpenAuthenticator()
    {
    }

    /// <inheritdoc />
    public bool IsRequired => false;

    /// <inheritdoc />
    public ValueTask<TableUser?> AuthenticateAsync(string userName, string password, CancellationToken cancellationToken) =>
        new(new TableUser(userName, IsOperator: true));
}
