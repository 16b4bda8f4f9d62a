namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>A request's or response's body, in every version that the schema has of it.</summary>
public interface IKafkaMessage
{
    /// <summary>Reads the fields that a version has; after a fault (<see cref="KafkaReader.Ok"/>), what was read means nothing.</summary>
    void Read(ref KafkaReader reader, int version);

    /// <summary>Writes the fields that a version has; null is written as empty where it may not be null.</summary>
    void Write(KafkaWriter writer, int version);
}
