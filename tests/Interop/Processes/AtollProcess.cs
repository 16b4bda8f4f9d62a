using System.Diagnostics;
using System.Globalization;

namespace Atoll.Interop.Tests.Processes;

/// <summary>The program, running; what it says is kept, and can be waited for.</summary>
internal sealed class AtollProcess : IDisposable
{
    /// <summary>Generous: reached only when something is wrong, however busy the machine is.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly List<string> _lines = [];
    private readonly Process _process;
    private bool _isDisposed;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private AtollProcess(Process process) => _process = process;

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

    /// <summary>The program, for scripts that run it.</summary>
    public static string Program => ProgramPath.Value;

    /// <summary>Starts the program, built in the same configuration as these tests.</summary>
    public static AtollProcess Start(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) =>
        StartProgram(ProgramPath.Value, environment, arguments);

    /// <summary>Starts any program.</summary>
    public static AtollProcess StartProgram(
        string program, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("ATOLL_", StringComparison.Ordinal)
            || name.StartsWith("OTEL_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name); // a test says all that the program is told
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var started = new AtollProcess(new Process { StartInfo = start });
        started._process.OutputDataReceived += (_, line) => started.Add(line.Data);
        started._process.ErrorDataReceived += (_, line) => started.Add(line.Data);
        started._process.Start();
        started._process.BeginOutputReadLine();
        started._process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Waits for a line with that text in it; fails when the process ends without, or in time says nothing such.</summary>
    public async Task SaysAsync(string text)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (true)
        {
            Task more;
            lock (_lines)
            {
                if (_lines.Exists(line => line.Contains(text, StringComparison.Ordinal)))
                {
                    return;
                }

                more = _more.Task;
            }

            try
            {
                var ended = _process.WaitForExitAsync(deadline.Token);
                if (await Task.WhenAny(more, ended) == ended && !more.IsCompleted)
                {
                    await ended;
                    if (!Output.Contains(text, StringComparison.Ordinal))
                    {
                        throw new InvalidOperationException($"it ended with {_process.ExitCode} and never said \"{text}\":\n{Output}");
                    }
                }
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"it did not say \"{text}\" within {Deadline.TotalSeconds:0} s:\n{Output}");
            }
        }
    }

    /// <summary>Does something again and again until the process has said that text; fails when it does not in time.</summary>
    public async Task SaysAsync(string text, Func<Task> work)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (!Output.Contains(text, StringComparison.Ordinal))
        {
            if (Stopwatch.GetElapsedTime(startedAt) > Deadline)
            {
                throw new TimeoutException($"it did not say \"{text}\" within {Deadline.TotalSeconds:0} s:\n{Output}");
            }

            await work();
        }
    }

    /// <summary>Waits for its end; fails when it does not end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndsAsync()
    {
        using var deadline = new CancellationTokenSource(Deadline);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"it did not end within {Deadline.TotalSeconds:0} s:\n{Output}");
        }

        return _process.ExitCode;
    }

    /// <summary>SIGSTOP: it stands still, its connections stay open, and nobody can tell it from a machine that was cut off.</summary>
    public void Pause() => Signal("STOP");

    /// <summary>SIGCONT: it goes on as if no time had passed.</summary>
    public void Resume() => Signal("CONT");

    /// <summary>kill -9, if it still runs.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_lines)
            {
                _lines.Add(line);
                _more.SetResult();
                _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

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
