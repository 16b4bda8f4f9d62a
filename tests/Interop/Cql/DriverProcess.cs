using System.Diagnostics;

namespace Atoll.Interop.Tests.Cql;

/// <summary>A program with a driver, running; what it says is kept, and can be waited for.</summary>
internal sealed class DriverProcess : IDisposable
{
    // For the next line, whatever it is. A scenario takes some ten seconds; far more when the machine is busy with other things.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private DriverProcess(Process process) => _process = process;

    /// <summary>Everything that it has said so far, on both standard streams.</summary>
    public string Output
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    private static string Root { get; } = FindRoot();

    private static string NodeModules { get; } = Path.Combine(Root, "artifacts", "cql-driver", "node_modules");

    private static string KafkaNodeModules { get; } = Path.Combine(Root, "artifacts", "kafka-clients", "node_modules");

    /// <summary>Fails, and names what is missing, when a driver is not installed.</summary>
    public static void Require(params IReadOnlyList<Driver> drivers)
    {
        var missing = new List<string>();
        if (drivers.Contains(Driver.Python) && !Succeeds("/usr/bin/python3", "-c", "import cassandra"))
        {
            missing.Add("python3-cassandra (Debian's package, for /usr/bin/python3)");
        }

        if (drivers.Contains(Driver.Node) && !Directory.Exists(Path.Combine(NodeModules, "cassandra-driver")))
        {
            missing.Add($"npm's cassandra-driver (as tests/Interop/Cql/package.json says, in {NodeModules})");
        }

        if (drivers.Contains(Driver.KafkaNode) && !Directory.Exists(Path.Combine(KafkaNodeModules, "kafkajs")))
        {
            missing.Add($"npm's kafkajs and @platformatic/kafka (as tests/Interop/Kafka/package.json says, in {KafkaNodeModules})");
        }

        if (drivers.Contains(Driver.KafkaDebian)
            && (!Succeeds("/usr/bin/python3", "-c", "import confluent_kafka, kafka") || !File.Exists("/usr/bin/kcat")))
        {
            missing.Add("kcat, python3-confluent-kafka or python3-kafka (Debian's packages, for /usr/bin/python3)");
        }

        if (missing.Count > 0)
        {
            throw new InvalidOperationException($"missing: {string.Join(", ", missing)}; ./test --all as root installs them");
        }
    }

    /// <summary>Starts a scenario.</summary>
    public static DriverProcess Start(Driver driver, string scenario, IEnumerable<string> addresses) => driver == Driver.Python
        ? Start("/usr/bin/python3", "Cql/driver.py", [scenario, .. addresses])
        : Start("node", "Cql/driver.js", [scenario, .. addresses]);

    /// <summary>Starts a program.</summary>
    /// <param name="program">What runs it.</param>
    /// <param name="script">Its file, from the folder of these tests on.</param>
    /// <param name="arguments">What it is told.</param>
    /// <param name="environment">Variables that it is given besides.</param>
    public static DriverProcess Start(
        string program, string script, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, [Path.Combine(Root, "tests", "Interop", script), .. arguments])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            },
        };
        process.StartInfo.Environment["NODE_PATH"] = string.Join(Path.PathSeparator, NodeModules, KafkaNodeModules);
        process.StartInfo.Environment["PYTHONDONTWRITEBYTECODE"] = "1"; // they import each other, and nothing is to be left beside them
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            process.StartInfo.Environment[name] = value;
        }

        var started = new DriverProcess(process);
        process.OutputDataReceived += (_, line) => started.Add(line.Data);
        process.ErrorDataReceived += (_, line) => started.Add(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Writes a line to it; nothing when it is empty.</summary>
    public void Write(string line)
    {
        if (line.Length > 0)
        {
            try
            {
                _process.StandardInput.WriteLine(line);
                _process.StandardInput.Flush();
            }
            catch (IOException)
            {
                // It has ended: who waits for what it says is told how.
            }
        }
    }

    /// <summary>There is nothing more to read for it.</summary>
    public void EndInput() => _process.StandardInput.Close();

    /// <summary>Writes a line, and waits for one more line that begins with that text.</summary>
    public async Task AskAsync(string line, string answer)
    {
        var before = Count(answer);
        Write(line);
        await UntilAsync(() => Count(answer) > before, answer);
    }

    /// <summary>Waits for a line that begins with that text; fails when the program ends without, or in time says nothing such.</summary>
    public Task SaysAsync(string text) => UntilAsync(() => Count(text) > 0, text);

    /// <summary>The lines so far that begin with that text.</summary>
    public IReadOnlyList<string> Lines(string text) =>
        [.. Output.Split('\n').Where(line => line.StartsWith(text, StringComparison.Ordinal))];

    /// <inheritdoc />
    public override string ToString() => string.Join(' ', _process.StartInfo.ArgumentList.Select(Path.GetFileName));

    /// <inheritdoc />
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private async Task UntilAsync(Func<bool> condition, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (true)
        {
            Task more;
            lock (_lines)
            {
                more = _more.Task;
            }

            if (condition())
            {
                return;
            }

            try
            {
                var ended = _process.WaitForExitAsync(deadline.Token);
                if (await Task.WhenAny(more, ended) == ended && !more.IsCompleted)
                {
                    await ended;
                    if (!condition())
                    {
                        throw new InvalidOperationException($"{this} ended with {_process.ExitCode} and never said \"{what}\":\n{Output}");
                    }
                }

                deadline.CancelAfter(Deadline);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{this} did not say \"{what}\", and nothing at all for {Deadline.TotalSeconds:0} s:\n{Output}");
            }
        }
    }

    private int Count(string text)
    {
        lock (_lines)
        {
            return _lines.Count(line => line.StartsWith(text, StringComparison.Ordinal));
        }
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_lines)
            {
                _lines.Add(line);
                _more.TrySetResult();
                _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Whether a program is there, and ends well.</summary>
    public static bool Succeeds(string program, params string[] arguments)
    {
        if (!File.Exists(program))
        {
            return false;
        }

        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Atoll.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("the repository's root");
        }

        return folder;
    }
}
