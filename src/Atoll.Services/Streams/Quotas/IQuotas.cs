using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Quotas;

/// <summary>The quotas of clients of topics, of the whole cluster; each node sees to them by itself. Thread-safe.</summary>
public interface IQuotas
{
    /// <summary>The quotas as far as they are known here, without asking; costs next to nothing.</summary>
    ClientQuotas Known { get; }

    /// <summary>The quotas as they are now: every change that was acknowledged before is there.</summary>
    /// <exception cref="AtollException">They cannot be read.</exception>
    ValueTask<ClientQuotas> ReadAsync(CancellationToken cancellationToken = default);

    /// <summary>Changes quotas; nodes see to it as soon as they hear of it.</summary>
    /// <param name="change">Makes the new quotas of the present ones; may be called several times.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The quotas as they are then.</returns>
    /// <exception cref="InvalidRequestException">They cannot be kept.</exception>
    /// <exception cref="AtollException">They cannot be read or written.</exception>
    ValueTask<ClientQuotas> ChangeAsync(Func<ClientQuotas, ClientQuotas> change, CancellationToken cancellationToken = default);
}
