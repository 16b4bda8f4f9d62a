using System.Diagnostics;
using System.Globalization;
using Atoll.Hosting;
using Atoll.Output;

namespace Atoll.Benchmarks;

/// <summary>Nodes in processes of their own, as a real cluster has them, in a folder that is removed at the end.</summary>
internal sealed class ServerProcesses : IAsyncDisposable
{
    private readonly List<Process> _processes = [];
    private readonly List<string> _httpAddresses = [];
    private readonly string _folder;
    private readonly bool _keepsFolder;

    private ServerProcesses(string folder, bool keepsFolder)
    {
        _folder = folder;
        _keepsFolder = keepsFolder;
    }

    /// <summary>What is measured of them.</summary>
    public MeasuredServers Measured => new([.. _processes.Select(process => process.Id)], _httpAddresses);

    public List<string> Addresses { get; } = [];

    /// <summary>Where they speak CQL.</summary>
    public List<string> CqlAddresses { get; } = [];

    /// <summary>Where they speak the Kafka protocol.</summary>
    public List<string> KafkaAddresses { get; } = [];

    /// <summary>What the others' bytes go through on their way to the last node, when it was asked for.</summary>
    public SlowLink? SlowLink { get; private set; }

    /// <summary>Starts so many nodes: the first founds the cluster, the others join it.</summary>
    /// <param name="nodes">How many.</param>
    /// <param name="data">Their folder; null for one that is removed at the end.</param>
    /// <param name="port">The first of their ports.</param>
    /// <param name="more">More for the command line of each.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="slowsLast">Whether the others reach the last node through a <see cref="SlowLink"/>.</param>
    public static async Task<ServerProcesses> StartAsync(
        int nodes, string? data, int port, IReadOnlyList<string> more, CancellationToken cancellation, bool slowsLast = false)
    {
        var folder = data ?? Path.Combine(Directory.GetCurrentDirectory(), string.Create(
            CultureInfo.InvariantCulture, $"atoll-bench-{Environment.ProcessId}"));
        var servers = new ServerProcesses(folder, data is not null);
        try
        {
            for (var i = 1; i <= nodes; i++)
            {
                var host = EndPoints.Exists($"127.0.0.{i}") ? $"127.0.0.{i}" : "127.0.0.1";
                var shift = host == "127.0.0.1" ? (i - 1) * 10 : 0;
                var address = string.Create(CultureInfo.InvariantCulture, $"{host}:{port + shift}");
                string[] role = i == 1 ? ["--bootstrap"] : ["--join", servers.Addresses[0]];
                if (slowsLast && i == nodes)
                {
                    role = [.. role, "--advertise", servers.Slow(host, port + shift + 1)];
                }

                await servers.StartOneAsync(
                    [
                        "node", "--json", "--log", "warning", "--data", Path.Combine(folder, $"n{i}"), "--listen", host, "--name", $"n{i}",
                        "--port", Text(port + shift), "--peer-port", Text(port + shift + 1), "--http-port", Text(port + shift + 80),
                        "--cql-port", Text(port + shift + 42),
                        "--kafka-port", Text(port + shift + 44),
                        .. role, .. more,
                    ],
                    cancellation).ConfigureAwait(false);
                servers.Addresses.Add(address);
                servers.CqlAddresses.Add(EndPoints.Format(host, port + shift + 42));
                servers.KafkaAddresses.Add(EndPoints.Format(host, port + shift + 44));
                servers._httpAddresses.Add(EndPoints.Format(host, port + shift + 80));
            }

            return servers;
        }
        catch
        {
            await servers.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (SlowLink is not null)
        {
            await SlowLink.DisposeAsync().ConfigureAwait(false);
        }

        foreach (var process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            await process.WaitForExitAsync().ConfigureAwait(false);
            process.Dispose();
        }

        if (!_keepsFolder && Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    // Another loopback address stands for the node, with the same ports.
    private string Slow(string host, int peerPort)
    {
        var advertised = host + "0";
        if (host == "127.0.0.1" || !EndPoints.Exists(advertised))
        {
            throw new CommandException("a slow replica needs a machine on which all of 127.0.0.0/8 is loopback, as on Linux");
        }

        SlowLink = new SlowLink(EndPoints.Resolve(advertised, peerPort), EndPoints.Resolve(host, peerPort));
        return advertised;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task StartOneAsync(string[] arguments, CancellationToken cancellation)
    {
        // The program itself, or the runtime with the program's assembly.
        var program = Environment.ProcessPath ?? throw new CommandException("this program does not know where it is");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "atoll.dll"));
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start) ?? throw new CommandException(ExitCode.Failed, $"{program} cannot be started");
        _processes.Add(process);
        var line = await process.StandardOutput.ReadLineAsync(cancellation).ConfigureAwait(false);
        if (line is null || line.Contains("\"error\"", StringComparison.Ordinal))
        {
            throw new CommandException(ExitCode.Failed, $"a node did not start: {line ?? "it ended without a word"}");
        }
    }
}
