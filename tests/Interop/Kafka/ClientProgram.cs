using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>Programs beside this file that use clients of Kafka: each runs one scenario, and says "done" at its end.</summary>
internal static class ClientProgram
{
    /// <summary>The brokers of a cluster of three, as clients are told them.</summary>
    public static string[] Brokers(ProcessCluster cluster) => [.. Enumerable.Range(1, 3).Select(node => $"{cluster.Host(node)}:9092")];

    /// <summary>Starts a scenario.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="script">The program's file, in Python or JavaScript.</param>
    /// <param name="scenario">What it is told before the brokers.</param>
    public static DriverProcess Start(ProcessCluster cluster, string script, params IEnumerable<string> scenario) => DriverProcess.Start(
        script.EndsWith(".js", StringComparison.Ordinal) ? "node" : "/usr/bin/python3", $"Kafka/{script}",
        [.. scenario, .. Brokers(cluster)]);

    /// <summary>Runs a scenario to its end; fails with what the program and the nodes said.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="script">The program's file, in Python or JavaScript.</param>
    /// <param name="scenario">What it is told before the brokers.</param>
    /// <param name="meanwhile">What happens while it runs.</param>
    public static async Task RunAsync(
        ProcessCluster cluster, string script, IEnumerable<string> scenario, Func<DriverProcess, Task>? meanwhile = null)
    {
        using var client = Start(cluster, script, scenario);
        try
        {
            await (meanwhile?.Invoke(client) ?? Task.CompletedTask);
            client.EndInput();
            await client.SaysAsync("done");
            TestContext.Current.SendDiagnosticMessage(client.Output);
        }
        catch (InvalidOperationException failure)
        {
            Assert.Fail($"{failure.Message}\n{cluster.Logs()}");
        }
    }
}
