using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Subscriptions;

/// <summary>Subscriptions of a cluster. Every call may throw an <see cref="AtollException"/>. Thread-safe.</summary>
public interface ISubscriptions
{
    /// <summary>All subscriptions as they are now, by name.</summary>
    ValueTask<IReadOnlyList<Subscription>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Creates a subscription; the nodes begin to deliver at once.</summary>
    /// <param name="subscription">
    /// What it is to be. Its identity and that of the topic are set here, and so is the secret when it is empty.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The subscription as it is, secret included.</returns>
    /// <exception cref="InvalidRequestException">It is none that can be.</exception>
    /// <exception cref="UnknownSpaceException">There is no such topic, or none for what cannot be delivered.</exception>
    /// <exception cref="AtollException"><see cref="ErrorCode.SpaceExists"/>: the name is taken.</exception>
    ValueTask<Subscription> CreateAsync(Subscription subscription, CancellationToken cancellationToken = default);

    /// <summary>Deletes a subscription, and forgets how far it has come; false when there is none of that name.</summary>
    ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Calls back whenever subscriptions may have changed, until disposed. The callback must be quick.</summary>
    IDisposable Subscribe(Action changed);
}
