using System.Diagnostics;
using System.Globalization;
using Atoll.Hosting;
using Atoll.Output;

namespace Atoll.Benchmarks;

/// <summary>Nodes in processes of their own, as a real cluster has them, in a folder that is removed at the end.</summary>
internal sealed class ServerProcesses : IAsyncDisposable
{
    private readonly List<Process> _processes = [];
    private readonly string _folder;
    private readonly bool _keepsFolder;

    private ServerProcesses(string folder, bool keepsFolder)
    {
        _folder = folder;
        _keepsFolder = keepsFolder;
    }

    public IReadOnlyList<int> Ids => [.. _processes.Select(process => process.Id)];

    public List<string> Addresses { get; } = [];

    /// <summary>Starts so many nodes: the first founds the cluster, the others join it.</summary>
    public static async Task<ServerProcesses> StartAsync(int nodes, string? data, int port, IReadOnlyList<string> more,
        CancellationToken cancellation)
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
                await servers.StartOneAsync(
                    [
                        "node", "--json", "--log", "warning", "--data", Path.Combine(folder, $"n{i}"), "--listen", host, "--name", $"n{i}",
                        "--port", Text(port + shift), "--peer-port", Text(port + shift + 1), "--http-port", Text(port + shift + 80),
                        "--cql-port", Text(port + shift + 42),
                            .. role, .. more,
                    ],
                    cancellation).ConfigureAwait(false);
                servers.Addresses.Add(address);
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
