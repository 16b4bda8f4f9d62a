using System.CommandLine;
using System.Globalization;
using System.Reflection;
using Atoll.Backups;
using Atoll.Output;
using Atoll.Services.Errors;

namespace Atoll.Commands;

/// <summary><c>atoll backup</c>.</summary>
internal sealed class BackupCommand
{
    private readonly ClientOptions _client;
    private readonly Option<DirectoryInfo> _to = new("--to", "-t")
    {
        Description = "The folder to write to; it holds one backup. One that was broken off is gone on with",
        HelpName = "FOLDER",
        Required = true,
    };

    private readonly Option<DirectoryInfo?> _base = new("--base", "-b")
    {
        Description = "An earlier backup of the same cluster: what has not changed since is referred to, not stored again. It must stay "
            + "where it is, seen from the new folder",
        HelpName = "FOLDER",
    };

    private readonly Option<string[]> _spaces = new("--space", "-s")
    {
        Description = "Only this space; may be given several times. Default: all", HelpName = "NAME",
    };

    private readonly Option<int> _parallel = new("--parallel") { Description = "Shards read at once", DefaultValueFactory = _ => 4 };
    private readonly Option<double> _rate = new("--rate")
    {
        Description = "At most so many MiB a second. Default: as fast as it goes", HelpName = "MIB",
    };

    private readonly Option<string> _patience = PatienceOption();

    private BackupCommand(ClientOptions client) => _client = client;

    /// <summary>How long to wait for a cluster.</summary>
    internal static Option<string> PatienceOption() => new("--patience")
    {
        Description = "How long to go on trying while the cluster is not available", DefaultValueFactory = _ => "2m",
    };

    public static Command Create(ClientOptions client)
    {
        var backup = new BackupCommand(client);
        var command = new Command(
            "backup",
            """
            Take a backup of a running cluster: everything as of one moment, over all shards and spaces

            Writers are not stopped. Nodes keep old versions for a while (a node's --version-window, 10m), and longer while they are read.

              atoll backup --to backups/monday
              atoll backup --to backups/tuesday --base backups/monday
              atoll restore backups/tuesday
            """)
        {
            backup._to, backup._base, backup._spaces, backup._parallel, backup._rate, backup._patience,
        };
        command.SetAction(backup.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(_parallel) is < 1 or > 64)
        {
            throw new CommandException("--parallel must be 1 to 64");
        }

        if (parsed.GetValue(_rate) is < 0 or > 1024 * 1024 or double.NaN)
        {
            throw new CommandException("--rate must be a number of MiB");
        }

        var to = parsed.GetRequiredValue(_to).FullName;
        var printer = _client.Printer(parsed);
        await using var atoll = _client.Connect(parsed);
        try
        {
            var run = new BackupRun(
                atoll,
                new BackupOptions
                {
                    To = to,
                    Base = parsed.GetValue(_base)?.FullName,
                    Spaces = parsed.GetValue(_spaces) ?? [],
                    Parallel = parsed.GetValue(_parallel),
                    BytesPerSecond = (long)(parsed.GetValue(_rate) * 1024 * 1024),
                    Patience = ClientOptions.Duration(parsed, _patience!) ?? TimeSpan.FromMinutes(2),
                    MadeBy = $"atoll {Version()}",
                },
                Printer.Remark);
            var startedAt = TimeProvider.System.GetTimestamp();
            var running = run.RunAsync(cancellation);
            await ProgressView.ShowAsync(printer, running, () => (run.Done.Records, run.RecordsExpected, run.BytesWritten))
                .ConfigureAwait(false);
            return Report(printer, to, run, await running.ConfigureAwait(false), TimeProvider.System.GetElapsedTime(startedAt));
        }
        catch (BackupException error)
        {
            throw new CommandException(ExitCode.Failed, error.Message);
        }
        catch (AtollException error)
        {
            throw new CommandException(ExitCode.Of(error), $"{error.Message}; the same command again goes on with what there is");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, $"{to}: {error.Message}");
        }
    }

    private static string? Version() =>
        typeof(BackupCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    private static int Report(Printer printer, string to, BackupRun run, BackupManifest manifest, TimeSpan elapsed)
    {
        var sums = run.Done;
        printer.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"backup of {manifest.Spaces.Count} spaces as of {manifest.AsOf}: {sums.Records} records, {Printer.Size(sums.Bytes)}; "
                + $"{run.RecordsReused} records unchanged, {Printer.Size(run.BytesWritten)} written to {to} "
                + $"in {elapsed.TotalSeconds:0.0} s"),
            writer =>
            {
                writer.WriteString("folder", to);
                writer.WriteString("asOf", manifest.AsOf);
                writer.WriteString("time", manifest.Time);
                writer.WriteNumber("spaces", manifest.Spaces.Count);
                writer.WriteNumber("records", sums.Records);
                writer.WriteNumber("bytes", sums.Bytes);
                writer.WriteString("contents", BackupManifest.Hex(sums.Contents));
                writer.WriteNumber("recordsUnchanged", run.RecordsReused);
                writer.WriteNumber("bytesWritten", run.BytesWritten);
                writer.WriteNumber("segments", manifest.Segments.Count);
                writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
            });
        return ExitCode.Ok;
    }
}
