using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Atoll.Interop.Tests.Security;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Clients of Kafka, unchanged, while three real brokers are killed one after the other: where anybody may come in, and where they have to
/// log in over TLS.
/// </summary>
public sealed class KafkaFailoverTests
{
    [Fact]
    public async Task Nothing_is_lost_or_doubled_while_the_brokers_are_killed_one_after_the_other()
    {
        DriverProcess.Require(Driver.KafkaNode, Driver.KafkaDebian);
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
        await KillEachAsync(cluster, null);
    }

    [Fact]
    public async Task Nothing_is_lost_or_doubled_by_those_who_log_in_over_TLS_while_the_brokers_are_killed()
    {
        DriverProcess.Require(Driver.Python, Driver.KafkaNode, Driver.KafkaDebian);
        await using var cluster = new SecureCluster();
        await cluster.InitializeAsync();
        var login = new KafkaLogin(cluster.Authority.Path);
        await login.CreateRoleAsync(cluster.Processes.Host(1), SecureCluster.Token);
        await KillEachAsync(cluster.Processes, login);
    }

    private static async Task KillEachAsync(ProcessCluster cluster, KafkaLogin? login)
    {
        using var clients = new FailoverClients(ClientProgram.Brokers(cluster), login);
        try
        {
            await clients.RunAsync();
            await ClientProgram.KillEachBrokerAsync(cluster, clients.GoOnAsync);
            await clients.EndAsync();
            TestContext.Current.SendDiagnosticMessage(string.Join('\n', clients.Reports));
        }
        catch (Exception failure)
        {
            Assert.Fail($"{failure.Message}\n{string.Join('\n', clients.Reports)}\n{cluster.Logs()}");
        }
    }
}
