using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Atoll.Services.Tables.Roles;

/// <summary>
/// Checks passwords, one at a time, so that those who guess take no more than one processor; a password that was right is known again
/// without another 0.1 s, as drivers open many connections. Thread-safe.
/// </summary>
internal sealed class PasswordCheck : IDisposable
{
    private const int RememberedMax = 1024;

    // Whoever asks for a name that is none waits as long as for a wrong password: names are not to be found out by the time it takes.
    private static readonly Lazy<string> Nobody = new(static () => PasswordHash.Of(""));

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, bool> _remembered = new(StringComparer.Ordinal);

    /// <summary>Whether a password is the one of a hash.</summary>
    /// <param name="hash">See <see cref="PasswordHash"/>; null: of nobody, and no password is right.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<bool> MatchesAsync(string? hash, string password, CancellationToken cancellationToken)
    {
        var digest = hash is null ? null : Digest(hash, password);
        if (digest is not null && _remembered.ContainsKey(digest))
        {
            return true;
        }

        await _oneAtATime.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var isRight = await Task.Run(() => PasswordHash.Matches(hash ?? Nobody.Value, password), cancellationToken)
                .ConfigureAwait(false);
            if (!isRight || digest is null)
            {
                return false;
            }

            if (_remembered.Count >= RememberedMax)
            {
                _remembered.Clear();
            }

            _remembered[digest] = true;
            return true;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose() => _oneAtATime.Dispose();

    // Bound to the hash: another password, another digest. The key is of this process alone.
    private string Digest(string hash, string password) =>
        Convert.ToBase64String(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{hash}\0{password}")));
}
