using System.Security.Cryptography;
using Atoll.Client;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

/// <summary><c>atoll storage</c> on the folder that a real node has left behind.</summary>
public sealed class StorageCommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("atoll-storage-").FullName;

    private string Data => Path.Combine(_root, "data");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Looking_into_a_nodes_folder_finds_what_was_written_and_changes_no_byte()
    {
        await WriteAsync();
        var before = Fingerprints();
        Assert.Contains(before.Keys, static name => name.EndsWith(".sst", StringComparison.Ordinal));
        Assert.Contains("\"files\":[{", await RunAsync(ExitCode.Ok, "inspect"), StringComparison.Ordinal);
        Assert.Contains("\"damaged\":false", await RunAsync(ExitCode.Ok, "verify"), StringComparison.Ordinal);
        foreach (var shard in new[] { "2", "3" })
        {
            await RunAsync(ExitCode.Ok, "dump", "--shard", shard, "--limit", "3");
            await RunAsync(ExitCode.Ok, "dump", "--shard", shard, "--section", "meta", "--versions");
            Assert.Contains("\"key\":\"key ", await RunAsync(ExitCode.Ok, "dump", "--shard", shard, "--log"), StringComparison.Ordinal);
        }

        var sorted = Path.GetRelativePath(Data, SortedFiles().Order(StringComparer.Ordinal).First());
        foreach (var name in new[] { sorted, "loop-0/store/MANIFEST", "loop-0/journal/0000000000000001.log" })
        {
            await RunAsync(ExitCode.Ok, "dump", "--file", name);
        }

        Assert.Equal(before, Fingerprints());
    }

    [Fact]
    public async Task Damage_is_named_and_is_the_exit_code_and_still_no_byte_changes()
    {
        await WriteAsync();
        var file = SortedFiles().Order(StringComparer.Ordinal).First();
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 16;
        await File.WriteAllBytesAsync(file, bytes);
        var before = Fingerprints();
        var said = await RunAsync(ExitCode.Damaged, "verify");
        Assert.Contains(Path.GetFileName(file), said, StringComparison.Ordinal);
        Assert.Contains("\"shards\":[", said, StringComparison.Ordinal);
        Assert.Contains("\"damaged\":true", said, StringComparison.Ordinal);
        Assert.Equal(before, Fingerprints());
    }

    [Fact]
    public async Task The_folder_of_a_node_that_runs_is_left_alone()
    {
        await using var node = await StartAsync();
        foreach (var command in new[] { "inspect", "verify" })
        {
            var said = await RunAsync(ExitCode.Unavailable, command);
            Assert.Contains($"in use by process {Environment.ProcessId}: stop the node", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_not_there_is_said()
    {
        Assert.Contains("there is no folder", await RunAsync(ExitCode.Usage, "verify"), StringComparison.Ordinal);
        Directory.CreateDirectory(Data);
        await RunAsync(ExitCode.Usage, "dump");
        Assert.Contains("no loop of this folder", await RunAsync(ExitCode.NotFound, "dump", "--shard", "9"), StringComparison.Ordinal);
        Assert.Contains("there is no file", await RunAsync(ExitCode.NotFound, "dump", "--file", "../secret"), StringComparison.Ordinal);
    }

    private async Task WriteAsync()
    {
        await using var node = await StartAsync();
        await using var client = Client(node.ClientAddress);
        await client.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 1, ShardCount: 2));
        var records = client.Records("s");
        var value = new string('v', 3_000);
        // The second file is begun when the first is whole and named.
        for (var round = 0; round < 400 && SortedFiles().Count() < 2; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 50).Select(i => records.PutTextAsync($"key {round}/{i}", value).AsTask()));
        }
    }

    private IEnumerable<string> SortedFiles() => Directory.EnumerateFiles(Data, "*.sst", SearchOption.AllDirectories);

    private async Task<StartedNode> StartAsync()
    {
        var address = $"127.0.0.1:{FreePort.Next()}";
        var options = new NodeHostOptions
        {
            Node = new EmbeddedNodeOptions
            {
                DataFolder = Data,
                PeerListen = $"127.0.0.1:{FreePort.Next()}",
                ClientAddress = address,
                Bootstrap = true,
                StoreMemoryBytes = 8 * 1024 * 1024,
            },
            NativeEndPoint = System.Net.IPEndPoint.Parse(address),
        };
        return new StartedNode(address, await NodeHost.StartAsync(options, NullLoggerFactory.Instance, default));
    }

    private static AtollClient Client(string address)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(new RemoteOptions { Nodes = [address] }, clock);
        var retries = new RetryPolicy { DefaultTimeout = TimeSpan.FromSeconds(30) };
        return new AtollClient(port, new CallerOptions { Clock = clock, Retries = retries }, port, port);
    }

    private SortedDictionary<string, string> Fingerprints() => new(
        Directory.EnumerateFiles(Data, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(Data, file),
            static file => $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))} {File.GetLastWriteTimeUtc(file).Ticks}"),
        StringComparer.Ordinal);

    // As a process of its own: results go to the standard output itself.
    private async Task<string> RunAsync(int exitCode, string command, params string[] more)
    {
        using var process = new System.Diagnostics.Process
        {
            StartInfo = new System.Diagnostics.ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "atoll"))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        foreach (var argument in (string[])["storage", command, Data, "--json", .. more])
        {
            process.StartInfo.ArgumentList.Add(argument);
        }

        process.Start();
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(exitCode == process.ExitCode, $"{process.ExitCode}: {output} {await error}");
        return output;
    }

    private sealed record StartedNode(string ClientAddress, NodeHost Host) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
