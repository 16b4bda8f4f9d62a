using System.Net;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>What is known of the client of a connection.</summary>
/// <param name="address">Where it is.</param>
/// <param name="gone">Cancelled when it has gone.</param>
public sealed class KafkaClient(IPAddress address, CancellationToken gone)
{
    /// <summary>Where it is.</summary>
    public IPAddress Address => address;

    /// <summary>Cancelled when it has gone.</summary>
    public CancellationToken Gone => gone;

    /// <summary>What it calls itself: as the last request said.</summary>
    public string Name { get; internal set; } = "";
}
