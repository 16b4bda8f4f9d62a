using Atoll.Interop.Tests.Cql;
using Confluent.Kafka;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>How clients of Kafka come in where they have to: with the password of a role, over TLS.</summary>
/// <param name="AuthorityPath">The file of the authority that the nodes' certificates are of.</param>
internal sealed record KafkaLogin(string AuthorityPath)
{
    private const string User = "ada";
    private const string Password = "lovelace";

    /// <summary>What programs are told, by the names of variables.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["ATOLL_KAFKA_AUTHORITY"] = AuthorityPath,
        ["ATOLL_KAFKA_MECHANISM"] = "SCRAM-SHA-512",
        ["ATOLL_KAFKA_USER"] = User,
        ["ATOLL_KAFKA_PASSWORD"] = Password,
    };

    /// <summary>Makes the role.</summary>
    /// <param name="host">A node.</param>
    /// <param name="token">A token of the cluster.</param>
    public async Task CreateRoleAsync(string host, string token)
    {
        using var roles = DriverProcess.Start("/usr/bin/python3", "Kafka/roles.py", [host, token, AuthorityPath, User, Password]);
        await roles.SaysAsync("done");
    }

    /// <summary>Tells a client of Confluent.Kafka.</summary>
    public void Apply(ClientConfig config)
    {
        config.SecurityProtocol = SecurityProtocol.SaslSsl;
        config.SslCaLocation = AuthorityPath;
        config.SaslMechanism = SaslMechanism.ScramSha512;
        config.SaslUsername = User;
        config.SaslPassword = Password;
    }
}
