using System.CommandLine;
using System.Globalization;
using System.Text;
using Atoll.Importing;
using Atoll.Output;
using Atoll.Services.Errors;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll import</c>.</summary>
internal sealed class ImportCommand
{
    private readonly ClientOptions _client;
    private readonly Argument<FileInfo> _file = new("file") { Description = "The file to import" };
    private readonly Option<string> _space = RecordCommands.SpaceOption();
    private readonly Option<string[]> _keys = new("--key", "-k")
    {
        Description = "The field that is the key; a column's number from 1 on with --no-header. Several make a key together",
        HelpName = "FIELD",
        Required = true,
    };

    private readonly Option<string> _separator = new("--key-separator")
    {
        Description = "What stands between the values of several key fields", DefaultValueFactory = _ => "/",
    };

    private readonly Option<string?> _format = new("--format")
    {
        Description = "csv, jsonl or stanzas (Debian control files). Default: by the file's name",
    };

    private readonly Option<string> _delimiter = new("--delimiter", "-d")
    {
        Description = "For csv: the character between fields, or tab", DefaultValueFactory = _ => ",",
    };

    private readonly Option<bool> _noHeader = new("--no-header") { Description = "For csv: the first row is data already" };
    private readonly Option<bool> _noQuotes = new("--no-quotes") { Description = "For csv: double quotes mean nothing" };
    private readonly Option<int> _concurrency = new("--concurrency", "-c")
    {
        Description = "Rows under way at once", DefaultValueFactory = _ => 256,
    };
    private readonly Option<string> _patience = new("--patience")
    {
        Description = "How long to go on trying while the cluster is not available", DefaultValueFactory = _ => "2m",
    };

    private readonly Option<FileInfo?> _checkpoint = new("--checkpoint")
    {
        Description = "Where progress is kept. Default: FILE.SPACE.checkpoint; it is removed at the end", HelpName = "FILE",
    };

    private readonly Option<bool> _restart = new("--restart") { Description = "Begin anew, whatever the checkpoint says" };

    private ImportCommand(ClientOptions client)
    {
        _client = client;
        _format.AcceptOnlyFromAmong("csv", "jsonl", "stanzas");
    }

    public static Command Create(ClientOptions client)
    {
        var import = new ImportCommand(client);
        var command = new Command("import", "Put each row of a file as a record: the whole row is the value, byte for byte")
        {
            import._file, import._space, import._keys, import._separator, import._format, import._delimiter, import._noHeader,
                import._noQuotes,
            import._concurrency, import._patience, import._checkpoint, import._restart,
        };
        command.SetAction(import.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var file = parsed.GetRequiredValue(_file);
        var space = parsed.GetRequiredValue(_space);
        if (!file.Exists)
        {
            throw new CommandException($"there is no file {file}");
        }

        if (parsed.GetValue(_concurrency) is < 1 or > 4096)
        {
            throw new CommandException("--concurrency must be 1 to 4096");
        }

        var options = Rows(parsed, file);
        var checkpointPath = parsed.GetValue(_checkpoint)?.FullName ?? $"{file.FullName}.{Uri.EscapeDataString(space)}.checkpoint";
        var settings = $"{space}|{options.Format}|{string.Join('\n', options.KeyFields)}|{options.KeySeparator}|{options.Delimiter}"
            + $"|{options.HasHeader}|{options.HasQuotes}";
        var start = new ImportCheckpoint(file.FullName, file.Length, file.LastWriteTimeUtc.Ticks, settings, 0, 0);
        var printer = _client.Printer(parsed);
        try
        {
            var found = parsed.GetValue(_restart) ? null : ImportCheckpoint.Load(checkpointPath);
            if (found is not null && !found.Fits(start))
            {
                throw new CommandException(
                    $"the checkpoint {checkpointPath} belongs to another import, or the file has changed; give --restart");
            }

            var begin = found ?? start;
            await using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            var reader = new RowReader(stream, options);
            if (begin.Rows > 0)
            {
                await reader.SkipToAsync(begin.Offset, begin.Rows, cancellation).ConfigureAwait(false);
                Printer.Remark($"going on behind row {begin.Rows}");
            }

            await using var atoll = _client.Connect(parsed);
            var patience = ClientOptions.Duration(parsed, _patience!) ?? TimeSpan.FromMinutes(2);
            var importer = new Importer(atoll.Records(space), parsed.GetValue(_concurrency), patience);
            var startedAt = TimeProvider.System.GetTimestamp();
            try
            {
                await ShowAsync(printer, importer, reader, begin, checkpointPath, cancellation).ConfigureAwait(false);
            }
            catch (AtollException error)
            {
                throw new CommandException(
                    ExitCode.Of(error), $"{error.Message}; {importer.Done.Rows} rows are in: the same command again goes on behind them");
            }

            File.Delete(checkpointPath);
            return Report(printer, importer, begin, TimeProvider.System.GetElapsedTime(startedAt));
        }
        catch (RowFormatException error)
        {
            throw new CommandException(error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{file}: {error.Message}");
        }
    }

    private static int Report(Printer printer, Importer importer, ImportCheckpoint begin, TimeSpan elapsed)
    {
        var rows = importer.Done.Rows - begin.Rows;
        var rate = rows / Math.Max(0.001, elapsed.TotalSeconds);
        printer.Result(
            string.Create(CultureInfo.InvariantCulture,
                $"imported {rows} rows, {Printer.Size(importer.Bytes)}, in {elapsed.TotalSeconds:0.0} s ({rate:0} rows/s)"),
            writer =>
            {
                writer.WriteNumber("rows", rows);
                writer.WriteNumber("rowsBefore", begin.Rows);
                writer.WriteNumber("bytes", importer.Bytes);
                writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
            });
        return ExitCode.Ok;
    }

    private static async Task ShowAsync(
        Printer printer, Importer importer, RowReader reader, ImportCheckpoint begin, string checkpointPath, CancellationToken cancellation)
    {
        var running = importer.RunAsync(reader, begin.Offset, begin.Rows, cancellation);
        if (printer.IsJson || Console.IsErrorRedirected)
        {
            await FollowAsync(running, importer, begin, checkpointPath, static (_, _) => { }).ConfigureAwait(false);
            return;
        }

        await printer.Errors.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask("0 rows", maxValue: Math.Max(1, begin.FileBytes));
                bar.Value = begin.Offset;
                var startedAt = TimeProvider.System.GetTimestamp();
                await FollowAsync(running, importer, begin, checkpointPath, (offset, rows) =>
                {
                    bar.Value = offset;
                    var rate = (rows - begin.Rows) / Math.Max(0.001, TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds);
                    bar.Description = string.Create(CultureInfo.InvariantCulture, $"{rows} rows, {rate:0}/s");
                }).ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    private static async Task FollowAsync(
        Task running, Importer importer, ImportCheckpoint begin, string checkpointPath, Action<long, long> show)
    {
        var saved = begin.Rows;
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(250))).ConfigureAwait(false);
            var (offset, rows) = importer.Done;
            show(offset, rows);
            if (rows > saved)
            {
                saved = rows;
                (begin with { Offset = offset, Rows = rows }).Save(checkpointPath);
            }
        }

        await running.ConfigureAwait(false);
    }

    private RowOptions Rows(ParseResult parsed, FileInfo file)
    {
        var format = (parsed.GetValue(_format) ?? file.Extension.ToLowerInvariant()) switch
        {
            "jsonl" or ".jsonl" or ".ndjson" => RowFormat.JsonLines,
            "stanzas" => RowFormat.Stanzas,
            "csv" or ".csv" or ".tsv" or ".txt" => RowFormat.Csv,
            var other => throw new CommandException($"\"{other}\" does not tell what the file holds; give --format csv, jsonl or stanzas"),
        };
        var delimiter = parsed.GetRequiredValue(_delimiter) switch
        {
            "tab" or "\\t" or "\t" => "\t",
            "," when file.Extension.Equals(".tsv", StringComparison.OrdinalIgnoreCase) => "\t",
            var text => text,
        };
        if (Encoding.UTF8.GetByteCount(delimiter) != 1 || delimiter is "\"" or "\n" or "\r")
        {
            throw new CommandException("--delimiter must be one ASCII character, or tab");
        }

        return new RowOptions
        {
            Format = format,
            KeyFields = parsed.GetRequiredValue(_keys),
            KeySeparator = parsed.GetRequiredValue(_separator),
            Delimiter = (byte)delimiter[0],
            HasHeader = !parsed.GetValue(_noHeader),
            HasQuotes = !parsed.GetValue(_noQuotes),
        };
    }
}
