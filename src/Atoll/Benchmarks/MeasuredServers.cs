namespace Atoll.Benchmarks;

/// <summary>The nodes whose use of the machine is measured.</summary>
/// <param name="ProcessIds">Their processes.</param>
/// <param name="HttpAddresses">Their HTTP gateways, host and port.</param>
public sealed record MeasuredServers(IReadOnlyList<int> ProcessIds, IReadOnlyList<string> HttpAddresses)
{
    /// <summary>Nodes of which nothing can be measured: they were there before, perhaps on other machines.</summary>
    public static MeasuredServers None { get; } = new([], []);
}

/// <summary>What nodes and the load have used at one moment; two of them tell what was used in between.</summary>
/// <param name="Servers">The nodes' processes.</param>
/// <param name="Client">The process that makes the load.</param>
/// <param name="Runtime">The nodes' runtimes.</param>
public readonly record struct LoadUsage(ProcessUsage Servers, ProcessUsage Client, RuntimeUsage Runtime)
{
    /// <summary>What is used up to now.</summary>
    public static async Task<LoadUsage> NowAsync(MeasuredServers servers)
    {
        var runtime = await RuntimeUsage.OfAsync(servers.HttpAddresses).ConfigureAwait(false);
        return new LoadUsage(ProcessUsage.Of(servers.ProcessIds), ProcessUsage.Of([Environment.ProcessId]), runtime);
    }
}
