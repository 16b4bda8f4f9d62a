using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>Three processes, for clients that npm and NuGet have; fails, and names what is missing, where they are not installed.</summary>
public sealed class LibraryCluster : IAsyncLifetime
{
    internal ProcessCluster Processes { get; } = new();

    internal string Bootstrap => string.Join(',', ClientProgram.Brokers(Processes));

    public async ValueTask InitializeAsync()
    {
        DriverProcess.Require(Driver.KafkaNode);
        DotNetClient.Load();
        await Processes.StartThreeAsync(static _ => (new Dictionary<string, string>(), []));
    }

    public ValueTask DisposeAsync()
    {
        Processes.Dispose();
        return ValueTask.CompletedTask;
    }
}
