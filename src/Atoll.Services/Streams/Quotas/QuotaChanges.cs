using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Quotas;

/// <summary>Changes of the quotas of one client, or of all that have none of their own.</summary>
public static class QuotaChanges
{
    /// <summary>Sets some quotas, and leaves the others as they are.</summary>
    /// <param name="quotas">All quotas.</param>
    /// <param name="clientId">The client; null for all that have none of their own.</param>
    /// <param name="wanted">By name, a second; null: none any more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidRequestException">There is no such quota, or it cannot be so much.</exception>
    public static ValueTask<ClientQuotas> SetAsync(
        this IQuotas quotas, string? clientId, IReadOnlyDictionary<string, long?> wanted, CancellationToken cancellationToken = default) =>
        quotas.ChangeAsync(
            before =>
            {
                var quota = before.SetFor(clientId);
                foreach (var (name, rate) in wanted)
                {
                    if (quota.TrySet(name, rate, out quota) is { } fault)
                    {
                        throw new InvalidRequestException(fault);
                    }
                }

                return before.With(clientId, quota);
            },
            cancellationToken);

    /// <summary>Deletes all quotas of a client, or by null of all that have none of their own; false when there are none.</summary>
    public static async ValueTask<bool> DeleteAsync(this IQuotas quotas, string? clientId, CancellationToken cancellationToken = default)
    {
        var hadSome = false;
        await quotas.ChangeAsync(
            before =>
            {
                hadSome = !before.SetFor(clientId).IsNone;
                return before.With(clientId, ClientQuota.None);
            },
            cancellationToken).ConfigureAwait(false);
        return hadSome;
    }
}
