using System.Text;
using Atoll.Gateways.Security;

namespace Atoll.Gateways.Cql.Security;

/// <summary>The cluster's access tokens as passwords: any name is good with one of them.</summary>
public sealed class TokenAuthenticator(AccessTokens tokens) : ICqlAuthenticator
{
    /// <inheritdoc />
    public bool IsRequired => tokens.AreRequired;

    /// <inheritdoc />
    public ValueTask<string?> AuthenticateAsync(string userName, string password, CancellationToken cancellationToken) =>
        new(userName.Length > 0 && tokens.Allow(Encoding.UTF8.GetBytes(password)) ? userName : null);
}
