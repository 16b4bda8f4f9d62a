using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services.Records;

namespace Atoll.Commands;

/// <summary><c>atoll export</c>.</summary>
internal static class ExportCommand
{
    private const int FlushBytes = 256 * 1024;

    public static Command Create(ClientOptions client)
    {
        var space = RecordCommands.SpaceOption();
        var output = new Option<FileInfo?>("--output", "-o")
        {
            Description = "Into this file. Default: the standard output", HelpName = "FILE",
        };
        var format = new Option<string>("--format")
        {
            Description = "raw-lines: the values as they were imported, a line end behind each; stanzas: a blank line behind each; "
                + "jsonl: objects; csv: key and value",
            DefaultValueFactory = _ => "raw-lines",
        };
        format.AcceptOnlyFromAmong("raw-lines", "stanzas", "jsonl", "csv");
        var prefix = new Option<string?>("--prefix", "-p") { Description = "Only keys that begin with this", HelpName = "TEXT" };
        var read = RecordCommands.ReadLevelOption();
        var command = new Command("export", "Write all records of a space in key order") { space, output, format, prefix, read };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var range = new ScanRange
            {
                Prefix = parsed.GetValue(prefix) is { } text ? RecordCommands.Bytes(text, isBase64: false) : default,
            };
            var records = atoll.Records(parsed.GetRequiredValue(space))
                .ScanAsync(range, RecordCommands.ReadOptions(parsed, read), cancellation);
            var file = parsed.GetValue(output);
            var startedAt = TimeProvider.System.GetTimestamp();
            long rows;
            long bytes;
            try
            {
                await using var stream = file is null
                    ? Console.OpenStandardOutput()
                    : new FileStream(file.FullName, FileMode.Create, FileAccess.Write, FileShare.Read, 1);
                (rows, bytes) = await WriteAsync(records, PipeWriter.Create(stream), parsed.GetRequiredValue(format), cancellation)
                    .ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CommandException($"{file?.ToString() ?? "the standard output"}: {error.Message}");
            }

            if (file is not null)
            {
                var seconds = TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds;
                client.Printer(parsed).Result(
                    string.Create(CultureInfo.InvariantCulture, $"exported {rows} rows, {Printer.Size(bytes)}, in {seconds:0.0} s"),
                    writer =>
                    {
                        writer.WriteNumber("rows", rows);
                        writer.WriteNumber("bytes", bytes);
                        writer.WriteNumber("seconds", Math.Round(seconds, 3));
                    });
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<(long Rows, long Bytes)> WriteAsync(
        IAsyncEnumerable<Record> records, PipeWriter output, string format, CancellationToken cancellation)
    {
        var rows = 0L;
        var bytes = 0L;
        await using var json = new Utf8JsonWriter(output, RecordJson.WriterOptions);
        await foreach (var record in records.ConfigureAwait(false))
        {
            if (record.Elements is not null && format != "jsonl")
            {
                throw new CommandException("the space's records are sets or maps: they are exported with --format jsonl");
            }

            switch (format)
            {
                case "jsonl":
                    RecordJson.Write(json, record, keysOnly: false);
                    json.Flush();
                    json.Reset();
                    output.Write("\n"u8);
                    break;
                case "csv":
                    WriteField(output, record.Key.Span);
                    output.Write(","u8);
                    WriteField(output, record.Value.Span);
                    output.Write("\n"u8);
                    break;
                default:
                    output.Write(record.Value.Span);
                    output.Write(format == "stanzas" ? "\n\n"u8 : "\n"u8);
                    break;
            }

            rows++;
            bytes += record.Value.Length;
            if (output.UnflushedBytes >= FlushBytes)
            {
                await output.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }

        await output.FlushAsync(cancellation).ConfigureAwait(false);
        await output.CompleteAsync().ConfigureAwait(false);
        return (rows, bytes);
    }

    /// <summary>A CSV field, in quotes where it must be (RFC 4180).</summary>
    private static void WriteField(PipeWriter output, ReadOnlySpan<byte> field)
    {
        if (field.IndexOfAny(",\"\r\n"u8) < 0)
        {
            output.Write(field);
            return;
        }

        output.Write("\""u8);
        while (field.IndexOf((byte)'"') is >= 0 and var quote)
        {
            output.Write(field[..(quote + 1)]);
            output.Write("\""u8);
            field = field[(quote + 1)..];
        }

        output.Write(field);
        output.Write("\""u8);
    }
}
