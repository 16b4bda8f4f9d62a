using System.CommandLine;
using System.Globalization;
using Atoll.Backups;
using Atoll.Output;
using Atoll.Services.Errors;

namespace Atoll.Commands;

/// <summary><c>atoll restore</c>.</summary>
internal sealed class RestoreCommand
{
    private readonly ClientOptions _client;
    private readonly Argument<DirectoryInfo> _folder = new("folder")
    {
        Description = "The folder of the backup; of a chain of them, the newest",
    };

    private readonly Option<string[]> _spaces = new("--space", "-s")
    {
        Description = "Only this space, under a new name if one is given; may be given several times. Default: all",
        HelpName = "NAME[:NEWNAME]",
    };

    private readonly Option<int?> _replicas = new("--replicas", "-r")
    {
        Description = "Copies of each shard. Default: as in the backup, or fewer when the cluster has fewer nodes",
    };

    private readonly Option<int?> _shards = new("--shards") { Description = "Shards of each space. Default: as in the backup" };
    private readonly Option<bool> _intoExisting = new("--into-existing") { Description = "Spaces may exist, if they are empty" };
    private readonly Option<bool> _check = new("--check")
    {
        Description = "Only compare the backup with its checksums; no cluster is needed",
    };

    private readonly Option<int> _parallel = new("--parallel") { Description = "Segments put at once", DefaultValueFactory = _ => 4 };
    private readonly Option<string> _patience = BackupCommand.PatienceOption();
    private readonly Option<FileInfo?> _checkpoint = new("--checkpoint")
    {
        Description = "Where progress is kept. Default: in the backup's folder; it is removed at the end", HelpName = "FILE",
    };

    private RestoreCommand(ClientOptions client) => _client = client;

    public static Command Create(ClientOptions client)
    {
        var restore = new RestoreCommand(client);
        var command = new Command(
            "restore",
            """
            Put a backup into a cluster of any size

            Every file is compared with its checksum before anything is written, and the records are read back and compared at the end.
            Spaces that exist are not touched. A restore that was broken off is gone on with by the same command. Records keep the moment
            at which they expire.

              atoll restore backups/tuesday --check
              atoll restore backups/tuesday
              atoll restore backups/tuesday --space orders:orders-of-tuesday --shards 16
            """)
        {
            restore._folder, restore._spaces, restore._replicas, restore._shards, restore._intoExisting, restore._check, restore._parallel,
            restore._patience, restore._checkpoint,
        };
        command.SetAction(restore.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(_parallel) is < 1 or > 64)
        {
            throw new CommandException("--parallel must be 1 to 64");
        }

        var folder = parsed.GetRequiredValue(_folder).FullName;
        var printer = _client.Printer(parsed);
        await using var atoll = _client.Connect(parsed);
        try
        {
            var run = new RestoreRun(
                atoll,
                new RestoreOptions
                {
                    From = folder,
                    Spaces = Spaces(folder, parsed.GetValue(_spaces) ?? []),
                    Replicas = parsed.GetValue(_replicas),
                    Shards = parsed.GetValue(_shards),
                    IntoExisting = parsed.GetValue(_intoExisting),
                    Parallel = parsed.GetValue(_parallel),
                    Patience = ClientOptions.Duration(parsed, _patience!) ?? TimeSpan.FromMinutes(2),
                    Checkpoint = parsed.GetValue(_checkpoint)?.FullName,
                },
                Printer.Remark);
            var startedAt = TimeProvider.System.GetTimestamp();
            await run.VerifyAsync(cancellation).ConfigureAwait(false);
            if (parsed.GetValue(_check))
            {
                return ReportCheck(printer, run);
            }

            Printer.Remark($"{run.Segments.Count} segments, {Printer.Size(run.Check.Bytes)}, are what their checksums say");
            var running = run.RunAsync(cancellation);
            await ProgressView.ShowAsync(printer, running, () => (run.Records, run.RecordsExpected, run.Check.Bytes)).ConfigureAwait(false);
            return Report(printer, run, await running.ConfigureAwait(false), TimeProvider.System.GetElapsedTime(startedAt));
        }
        catch (BackupException error)
        {
            throw new CommandException(ExitCode.Failed, error.Message);
        }
        catch (AtollException error)
        {
            throw new CommandException(ExitCode.Of(error), $"{error.Message}; the same command again goes on");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, $"{folder}: {error.Message}");
        }
    }

    private static Dictionary<string, string> Spaces(string folder, string[] given)
    {
        // A name may have a colon in it: what the backup has under the whole text comes first.
        var manifest = BackupManifest.Load(folder, BackupManifest.FileName);
        var spaces = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in given)
        {
            var colon = manifest?.Spaces.Any(space => space.Name == text) == true ? -1 : text.IndexOf(':', StringComparison.Ordinal);
            var (name, into) = colon < 0 ? (text, text) : (text[..colon], text[(colon + 1)..]);
            if (name.Length == 0 || into.Length == 0 || !spaces.TryAdd(name, into))
            {
                throw new CommandException($"--space must be NAME or NAME:NEWNAME, each space once, not \"{text}\"");
            }
        }

        return spaces;
    }

    private static int ReportCheck(Printer printer, RestoreRun run)
    {
        var manifest = run.Check.Manifest;
        printer.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"sound: {run.Spaces.Count} spaces as of {manifest.AsOf}, {run.RecordsExpected} records, {run.Segments.Count} segments, "
                + $"{Printer.Size(run.Check.Bytes)}"),
            writer =>
            {
                writer.WriteBoolean("sound", true);
                writer.WriteString("asOf", manifest.AsOf);
                writer.WriteNumber("spaces", run.Spaces.Count);
                writer.WriteNumber("records", run.RecordsExpected);
                writer.WriteNumber("segments", run.Segments.Count);
                writer.WriteNumber("bytes", run.Check.Bytes);
            });
        return ExitCode.Ok;
    }

    private static int Report(Printer printer, RestoreRun run, IReadOnlyList<RestoredSpace> restored, TimeSpan elapsed)
    {
        foreach (var space in restored)
        {
            var found = space.Found;
            var contents = BackupManifest.Hex(found.Contents);
            var verdict = space.IsEqual ? "equal to the backup" : "NOT EQUAL to the backup";
            var expired = space.LeftOut > 0 ? $" ({space.LeftOut} records have expired)" : "";
            printer.Result(
                $"space {space.Into}: {found.Records} records, {Printer.Size(found.Bytes)}, contents {contents}, {verdict}{expired}",
                writer =>
                {
                    writer.WriteString("space", space.Into);
                    writer.WriteString("of", space.Name);
                    writer.WriteNumber("records", found.Records);
                    writer.WriteNumber("recordsInBackup", space.Expected.Records);
                    writer.WriteNumber("bytes", found.Bytes);
                    writer.WriteNumber("expired", space.LeftOut);
                    writer.WriteString("contents", contents);
                    writer.WriteString("contentsInBackup", BackupManifest.Hex(space.Expected.Contents));
                    writer.WriteBoolean("equal", space.IsEqual);
                });
        }

        if (restored.FirstOrDefault(space => !space.IsEqual) is { } wrong)
        {
            throw new CommandException(
                ExitCode.Failed,
                $"space \"{wrong.Into}\" is not what the backup has: somebody else has written into it meanwhile, or records are lost");
        }

        if (!printer.IsJson)
        {
            printer.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"restored {run.Records} records as of {run.Check.Manifest.AsOf} in {elapsed.TotalSeconds:0.0} s"));
        }

        return ExitCode.Ok;
    }
}
