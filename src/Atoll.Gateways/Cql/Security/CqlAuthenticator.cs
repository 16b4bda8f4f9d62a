using System.Text;
using Atoll.Gateways.Security;
using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Cql.Security;

/// <summary>
/// The cluster's access tokens as passwords, for any name; and the roles that are kept in the directory. Where the cluster has no access
/// tokens everybody is let in, whatever roles there are.
/// </summary>
/// <param name="tokens">The access tokens.</param>
/// <param name="roles">The roles.</param>
public sealed class CqlAuthenticator(AccessTokens tokens, RoleCatalog roles) : ICqlAuthenticator
{
    /// <inheritdoc />
    public bool IsRequired => tokens.AreRequired;

    /// <inheritdoc />
    public async ValueTask<TableUser?> AuthenticateAsync(string userName, string password, CancellationToken cancellationToken)
    {
        if (userName.Length == 0)
        {
            return null;
        }

        if (tokens.Allow(Encoding.UTF8.GetBytes(password)))
        {
            return new TableUser(userName, IsOperator: true);
        }

        try
        {
            return await roles.AuthenticateAsync(userName, password, cancellationToken).ConfigureAwait(false)
                ? new TableUser(userName, IsOperator: false) : null;
        }
        catch (AtollException error)
        {
            throw new CqlException(CqlErrorCode.Overloaded, $"The roles cannot be read now: {error.Message}", null, error);
        }
    }
}
