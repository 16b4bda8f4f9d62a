namespace Atoll.Interop.Tests.Cql;

/// <summary>Which drivers are to be there.</summary>
public enum Driver
{
    /// <summary>Debian's python3-cassandra.</summary>
    Python,

    /// <summary>npm's cassandra-driver.</summary>
    Node,

    /// <summary>npm's kafkajs and @platformatic/kafka.</summary>
    KafkaNode,

    /// <summary>Debian's python3-confluent-kafka, python3-kafka and kcat.</summary>
    KafkaDebian,
}
