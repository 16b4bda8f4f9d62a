namespace Atoll.Gateways.Kafka.Requests;

#pragma warning disable CA1032 // it always says why

/// <summary>A request has no answer that its client would understand: the connection is closed, and the client begins anew.</summary>
/// <param name="why">Why, for the log.</param>
public sealed class KafkaConnectionException(string why) : Exception(why);

#pragma warning restore CA1032
