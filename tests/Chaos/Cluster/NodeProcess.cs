using System.Diagnostics;
using System.Globalization;
using System.Net;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>One node: a process that comes and goes, and a folder and an address that stay.</summary>
internal sealed class NodeProcess : IDisposable
{
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    private readonly NodeNetwork _network;
    private readonly string _folder;
    private readonly IReadOnlyList<string> _settings;
    private readonly StreamWriter _log;
    private Process? _process;
    private int _started;

    /// <summary>A node that does not run yet.</summary>
    /// <param name="network">Where it lives.</param>
    /// <param name="number">Its place among the nodes, from 0.</param>
    /// <param name="logs">The folder for what it says.</param>
    /// <param name="data">The folder for its data's folder.</param>
    /// <param name="settings">What is set beyond that.</param>
    public NodeProcess(NodeNetwork network, int number, string logs, string data, IReadOnlyList<string> settings)
    {
        _settings = settings;
        _network = network;
        Number = number;
        _folder = Path.Combine(data, $"node{number + 1}");
        LogPath = Path.Combine(logs, $"node{number + 1}.log");
        _log = new StreamWriter(LogPath) { AutoFlush = true };
    }

    /// <summary>Its place among the nodes, from 0.</summary>
    public int Number { get; }

    /// <summary>Where its data is.</summary>
    public string Folder => _folder;

    /// <summary>What it wrote to its standard streams, over all its lives.</summary>
    public string LogPath { get; }

    /// <summary>Its address without a port.</summary>
    public string Host => _network.Address(Number);

    /// <summary>Where clients of the native protocol reach it.</summary>
    public string ClientAddress => $"{Host}:4600";

    /// <summary>Where clients of CQL reach it.</summary>
    public IPEndPoint CqlAddress => new(IPAddress.Parse(Host), CqlProtocol.DefaultPort);

    /// <summary>Starts it: the first founds the cluster, the others join it; with data in its folder it comes back as who it was.</summary>
    public void Start()
    {
        var how = Number == 0 ? ["--bootstrap"] : new[] { "--join", $"{_network.Address(0)}:4600" };
        var command = _network.Enter(
            Number, [ProgramPath.Value, "node", "--data", _folder, "--listen", Host, .. how, .. _settings]);
        Note($"starts for the {++_started}. time: {string.Join(' ', command)}");
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    /// <summary>A node that nobody killed must run.</summary>
    public void CheckThatItDidNotEndByItself()
    {
        if (_process is { HasExited: true } ended)
        {
            throw new InvalidOperationException(
                $"node {Number + 1} ended by itself with {ended.ExitCode}; the end of {LogPath}:\n{LastLines(40)}");
        }
    }

    /// <summary>kill -9: it gets no chance to say or save anything.</summary>
    public void Kill()
    {
        if (_process is { } process)
        {
            Note("is killed");
            process.Kill();
            process.WaitForExit();
            process.Dispose();
            _process = null;
        }
    }

    /// <summary>SIGTERM: it ends in good order, and must not take long.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
        {
            Signal("TERM");
            await process.WaitForExitAsync().WaitAsync(StopBound);
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException(
                    $"node {Number + 1} ended with {process.ExitCode} when asked to stop; the end of {LogPath}:\n{LastLines(40)}");
            }

            process.Dispose();
            _process = null;
        }
    }

    /// <summary>What <c>atoll storage verify</c> says about its folder while it does not run.</summary>
    public (int ExitCode, string Output) Verify()
    {
        var (code, output, errors) = ShellCommand.Execute(ProgramPath.Value, ["storage", "verify", _folder]);
        return (code, output + errors);
    }

    /// <summary>All that it said, over all its lives.</summary>
    public string AllLines() => LastLines(int.MaxValue);

    /// <summary>SIGSTOP: it stands still, and its connections stay open.</summary>
    public void Pause() => Signal("STOP");

    /// <summary>SIGCONT: it goes on, as if no time had passed.</summary>
    public void Resume() => Signal("CONT");

    /// <summary>The end of its log.</summary>
    public string LastLines(int count)
    {
        lock (_log)
        {
            using var stream = new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            return string.Join('\n', reader.ReadToEnd().Split('\n').TakeLast(count));
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Kill();
        lock (_log)
        {
            _log.Dispose();
        }
    }

    private void Signal(string name)
    {
        if (_process is { } process)
        {
            Note($"gets SIG{name}");
            ShellCommand.Run("kill", "-" + name, process.Id.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>A line of the test's own among what it says.</summary>
    public void Note(string text) => Write($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} --- node {Number + 1} {text}");

    private void Write(string? line)
    {
        lock (_log)
        {
            if (line is not null && _log.BaseStream is not null)
            {
                _log.WriteLine(line);
            }
        }
    }

    /// <summary>The program, built in the same configuration as these tests.</summary>
    private static readonly Lazy<string> ProgramPath = new(() =>
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        var built = Path.Combine(folder.Parent!.Name, folder.Name); // Release/net10.0
        while (!File.Exists(Path.Combine(folder.FullName, "Atoll.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run inside a checkout: no Atoll.slnx above them");
        }

        var path = Path.Combine(folder.FullName, "src", "Atoll", "bin", built, "atoll");
        return File.Exists(path) ? path : throw new InvalidOperationException($"the program is not built: there is no {path}");
    });
}
