namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>A request's or response's body, in every version that the schema has of it.</summary>
public interface IKafkaMessage
{
    /// <summary>Reads the fields that a version has; after a fault (<see cref="KafkaReader.Ok"/>), what was read means nothing.</summary>
    void Read(ref KafkaReader reader, int version);

    /// <summary>Writes the fields that a version has; null is written as empty where it may not be null.</summary>
    void Write(KafkaWriter writer, int version);
}

/// <summary>A response that tells a client how long it is held back: of any call, in the versions that have the field.</summary>
public interface IKafkaThrottled : IKafkaMessage
{
    /// <summary>For how many milliseconds nothing more is read from it; 0: it is not held back.</summary>
    int ThrottleMs { get; set; }
}
