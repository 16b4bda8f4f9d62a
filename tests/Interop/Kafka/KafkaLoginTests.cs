using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Atoll.Interop.Tests.Security;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Roles that log in at the Kafka gateway by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, with and without TLS: confluent_kafka, kafka-python,
/// kafkajs and @platformatic/kafka, unchanged. What they do is in login.py and login.js beside this file.
/// </summary>
public sealed class KafkaLoginTests
{
    private const string Token = "open-sesame";

    [Fact]
    public Task Clients_come_in_with_the_passwords_of_roles_and_are_told_when_they_are_wrong()
    {
        DriverProcess.Require(Driver.Python, Driver.KafkaNode, Driver.KafkaDebian);
        return Task.WhenAll(RunAsync(isSecure: false), RunAsync(isSecure: true));
    }

    private static async Task RunAsync(bool isSecure)
    {
        using var cluster = new ProcessCluster();
        using var authority = new CertificateAuthority(cluster.Folder, "authority");
        string[] certificate = isSecure ? [.. authority.Issue("node1", cluster.Host(1)), "--tls-ca", authority.Path] : [];
        await cluster.Start(1, new Dictionary<string, string>(), [.. certificate, "--tokens", Token]).SaysAsync("serves at");
        string[] told = [cluster.Host(1), Token, isSecure ? authority.Path : "-"];
        try
        {
            using var python = DriverProcess.Start("/usr/bin/python3", "Kafka/login.py", told);
            await python.SaysAsync("roles");
            using var node = DriverProcess.Start("node", "Kafka/login.js", told);
            await Task.WhenAll(python.SaysAsync("done"), node.SaysAsync("done"));
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }
    }
}
