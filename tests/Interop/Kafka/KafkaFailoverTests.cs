using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Security;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>Clients of Kafka, unchanged, that log in over TLS, while three real brokers are killed one after the other.</summary>
public sealed class KafkaFailoverTests
{
    [Fact]
    public async Task Nothing_is_lost_or_doubled_while_the_brokers_are_killed_one_after_the_other()
    {
        DriverProcess.Require(Driver.Python, Driver.KafkaNode, Driver.KafkaDebian);
        await using var secure = new SecureCluster();
        await secure.InitializeAsync();
        var cluster = secure.Processes;
        var login = new KafkaLogin(secure.Authority.Path);
        await login.CreateRoleAsync(cluster.Host(1), SecureCluster.Token);
        using var clients = new FailoverClients(ClientProgram.Brokers(cluster), login);
        try
        {
            await clients.RunAsync();
            for (var victim = 1; victim <= 3; victim++)
            {
                cluster.Node(victim).Dispose();
                var administered = clients.AdministerAsync();
                await clients.GoOnAsync();
                await cluster.StartAgain(victim).SaysAsync("serves at");
                await FailoverClients.AllAsync(clients.GoOnAsync(), administered);
            }

            await clients.EndAsync();
            TestContext.Current.SendDiagnosticMessage(string.Join('\n', clients.Reports));
        }
        catch (Exception failure)
        {
            Assert.Fail($"{cluster.Logs()}\n{string.Join('\n', clients.Reports)}\n{failure.Message}");
        }
    }
}
