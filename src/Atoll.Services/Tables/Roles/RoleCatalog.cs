using System.Security.Cryptography;
using Atoll.Foundation;
using Atoll.Services.Directory;
using Atoll.Services.Errors;

namespace Atoll.Services.Tables.Roles;

/// <summary>
/// The roles of the cluster, all in one document of a store: as this node last heard of them for those who log in, read anew and compared
/// and set for whoever changes them. Thread-safe.
/// </summary>
public sealed class RoleCatalog : IDisposable
{
    private const string Document = "roles";
    private const int AttemptsMax = 50;

    private readonly IDocumentStore _store;
    private readonly IDisposable _subscription;
    private readonly PasswordCheck _passwords = new();
    private readonly SemaphoreSlim _oneReads = new(1, 1);
    private volatile Snapshot? _snapshot;
    private int _changes; // how often the store said that something may have changed
    private int _changesRead = -1; // how many of these the snapshot has in it
    private int _readsBegun; // of those that callers share
    private (int Number, RoleSet Roles) _lastRead = (0, RoleSet.Empty); // the last of these that ended well

    /// <summary>The roles in a store; nothing is read before it is needed.</summary>
    public RoleCatalog(IDocumentStore store)
    {
        _store = store;
        _subscription = store.Subscribe(() => Interlocked.Increment(ref _changes));
    }

    /// <summary>The roles as this node last read them, without asking; empty when it never has.</summary>
    public RoleSet Known => _snapshot?.Roles ?? RoleSet.Empty;

    /// <summary>The roles as this node knows them; when the store is out of reach, as it last heard of them.</summary>
    /// <exception cref="AtollException">They were never heard of.</exception>
    public async ValueTask<RoleSet> ReadKnownAsync(CancellationToken cancellationToken)
    {
        var changes = Volatile.Read(ref _changes);
        if (_snapshot is { } known && Volatile.Read(ref _changesRead) == changes)
        {
            return known.Roles;
        }

        var read = Of(await _store.ReadKnownAsync(cancellationToken).ConfigureAwait(false));
        _snapshot = read;
        Volatile.Write(ref _changesRead, changes); // what changed since it was read will be read again
        return read.Roles;
    }

    /// <summary>Whether a name and its password belong together, and the role may log in.</summary>
    /// <exception cref="AtollException">The roles cannot be read.</exception>
    public async ValueTask<bool> AuthenticateAsync(string name, string password, CancellationToken cancellationToken)
    {
        var hash = HashOf(await ReadKnownAsync(cancellationToken).ConfigureAwait(false), name);
        if (await _passwords.MatchesAsync(hash, password, cancellationToken).ConfigureAwait(false))
        {
            return true;
        }

        // The role may have been made, or its password changed, at another node a moment ago.
        Interlocked.Increment(ref _changes);
        var newest = HashOf(await ReadKnownAsync(cancellationToken).ConfigureAwait(false), name);
        return newest is not null && newest != hash
            && await _passwords.MatchesAsync(newest, password, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// What is kept of a role's password for SCRAM; of a name that cannot log in by it a decoy. The two differ neither in what they look
    /// like nor in the time that it takes to get them: the roles are read anew whatever the name, once for all who ask at the same time.
    /// </summary>
    /// <exception cref="AtollException">The roles cannot be read.</exception>
    public async ValueTask<ScramVerifier> VerifierOfAsync(string name, ScramMechanism mechanism, CancellationToken cancellationToken)
    {
        var roles = await ReadTogetherAsync(cancellationToken).ConfigureAwait(false);
        var decoy = ScramVerifier.Decoy(mechanism, name, roles.DecoyKey.Span);
        return roles.TryGet(name, out var role) && role.CanLogin
            ? role.Scram.FirstOrDefault(verifier => verifier.Mechanism == mechanism) ?? decoy : decoy;
    }

    /// <summary>Changes the roles.</summary>
    /// <param name="change">
    /// From the roles as they are to what they become; computed again when somebody else was faster. Throws a <see cref="CqlException"/>
    /// when the change is not possible.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CqlException">The change is not possible, or others change the roles all the time.</exception>
    /// <exception cref="AtollException">The store cannot be reached.</exception>
    public async ValueTask ChangeAsync(Func<RoleSet, RoleSet> change, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var before = Of(await _store.ReadAsync(cancellationToken).ConfigureAwait(false));
            var after = WithDecoyKey(change(before.Roles));
            if (ReferenceEquals(after, before.Roles))
            {
                return;
            }

            var bytes = after.Encode();
            if (bytes.Length > Limits.DocumentBytesMax && after.Count >= before.Roles.Count)
            {
                throw CqlException.Invalid(
                    $"The roles of a cluster take at most {Limits.DocumentBytesMax} bytes together: drop some first");
            }

            if (await _store.TryWriteAsync(Document, before.Version, bytes, cancellationToken).ConfigureAwait(false))
            {
                return;
            }
        }

        throw new CqlException(CqlErrorCode.Overloaded, "The roles are being changed by too many others: try again");
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _subscription.Dispose();
        _passwords.Dispose();
        _oneReads.Dispose();
    }

    // A read that began after the call is as good as one's own.
    private async ValueTask<RoleSet> ReadTogetherAsync(CancellationToken cancellationToken)
    {
        var begunBefore = Volatile.Read(ref _readsBegun);
        await _oneReads.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_lastRead.Number > begunBefore)
            {
                return _lastRead.Roles;
            }

            Volatile.Write(ref _readsBegun, _readsBegun + 1);
            Interlocked.Increment(ref _changes); // nothing that is known is new enough
            var roles = await ReadKnownAsync(cancellationToken).ConfigureAwait(false);
            _lastRead = (_readsBegun, roles);
            return roles;
        }
        finally
        {
            _oneReads.Release();
        }
    }

    private static RoleSet WithDecoyKey(RoleSet roles) =>
        roles.DecoyKey.IsEmpty && roles.All.Any(static role => role.Scram.Length > 0)
            ? roles.WithDecoyKey(RandomNumberGenerator.GetBytes(RoleSet.DecoyKeyBytes)) : roles;

    private static string? HashOf(RoleSet roles, string name) =>
        roles.TryGet(name, out var role) && role.CanLogin ? role.PasswordHash : null;

    private static Snapshot Of(IReadOnlyList<StoredDocument> documents)
    {
        if (documents.FirstOrDefault(static document => document.Name == Document) is not { } document)
        {
            return new Snapshot(0, RoleSet.Empty);
        }

        return RoleSet.TryDecode(document.Bytes, out var roles)
            ? new Snapshot(document.Version, roles)
            : throw new AtollException(ErrorCode.Protocol, "the roles in the directory cannot be decoded");
    }

    private sealed record Snapshot(ulong Version, RoleSet Roles);
}
