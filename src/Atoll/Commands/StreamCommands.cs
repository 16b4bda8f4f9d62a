using System.CommandLine;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services.Records;

namespace Atoll.Commands;

/// <summary><c>atoll scan|watch</c>.</summary>
internal static class StreamCommands
{
    public static IEnumerable<Command> Create(ClientOptions client)
    {
        yield return Scan(client);
        yield return Watch(client);
    }

    private static Command Scan(ClientOptions client)
    {
        var space = RecordCommands.SpaceOption();
        var prefix = new Option<string?>("--prefix", "-p") { Description = "Only keys that begin with this", HelpName = "TEXT" };
        var from = new Option<string?>("--from") { Description = "From this key on", HelpName = "KEY" };
        var to = new Option<string?>("--to") { Description = "Up to this key, not included", HelpName = "KEY" };
        var after = new Option<string?>("--after") { Description = "Go on behind this key, the last of an earlier scan", HelpName = "KEY" };
        var limit = new Option<long>("--limit", "-l") { Description = "At most so many records", HelpName = "COUNT" };
        var reverse = new Option<bool>("--reverse") { Description = "From the highest key down" };
        var keysOnly = new Option<bool>("--keys-only", "-k") { Description = "Leave the values out" };
        var base64 = new Option<bool>("--base64") { Description = "The keys on the command line are base64" };
        var read = RecordCommands.ReadLevelOption();
        var command = new Command("scan", "Print records in key order: key, tab, value; with --json an object a line")
        {
            space, prefix, from, to, after, limit, reverse, keysOnly, base64, read,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            byte[] Key(Option<string?> option) =>
                parsed.GetValue(option) is { } text ? RecordCommands.Bytes(text, parsed.GetValue(base64)) : [];

            var range = new ScanRange
            {
                Prefix = Key(prefix),
                From = Key(from),
                To = Key(to),
                After = Key(after),
                Limit = parsed.GetValue(limit),
                Reverse = parsed.GetValue(reverse),
                KeysOnly = parsed.GetValue(keysOnly),
            };
            await using var atoll = client.Connect(parsed);
            var printer = client.Printer(parsed);
            var records = atoll.Records(parsed.GetRequiredValue(space));
            await foreach (var record in records.ScanAsync(range, RecordCommands.ReadOptions(parsed, read), cancellation)
                .ConfigureAwait(false))
            {
                if (printer.IsJson)
                {
                    printer.RawJson(writer => RecordJson.Write(writer, record, range.KeysOnly));
                }
                else
                {
                    var key = Printer.Readable(record.Key.Span);
                    var value = record.Elements is { } elements
                        ? string.Join('\t', elements.Select(RecordCommands.Readable)) : Printer.Readable(record.Value.Span);
                    printer.Line(range.KeysOnly ? key : $"{key}\t{value}");
                }
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Watch(ClientOptions client)
    {
        var space = RecordCommands.SpaceOption();
        var prefix = new Option<string?>("--prefix", "-p") { Description = "Only keys that begin with this", HelpName = "TEXT" };
        var token = new Option<string?>("--token-from", "--resume")
        {
            Description = "Go on behind this token of an earlier watch", HelpName = "TOKEN",
        };
        var limit = new Option<long>("--limit", "-l") { Description = "End after so many changes", HelpName = "COUNT" };
        var command = new Command("watch", "Print changes as they happen; with --json an object a line, with a token to resume from")
        {
            space, prefix, token, limit,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var printer = client.Printer(parsed);
            var watch = atoll.Records(parsed.GetRequiredValue(space)).Watch(new WatchOptions
            {
                Prefix = parsed.GetValue(prefix) is { } text ? RecordCommands.Bytes(text, isBase64: false) : default,
                Token = parsed.GetValue(token),
                ProgressInterval = printer.IsJson ? TimeSpan.FromSeconds(10) : null,
            });
            var left = parsed.GetValue(limit) is > 0 and var count ? count : long.MaxValue;
            await foreach (var change in watch.WithCancellation(cancellation).ConfigureAwait(false))
            {
                if (printer.IsJson)
                {
                    printer.RawJson(writer => RecordJson.Write(writer, change, watch.Token));
                }
                else
                {
                    var value = change.Kind == WatchEventKind.Put ? "\t" + Printer.Readable(change.Value.Span) : "";
                    printer.Line($"{change.Kind.ToString().ToLowerInvariant()}\t{Printer.Readable(change.Key.Span)}{value}");
                }

                if (change.Kind != WatchEventKind.Progress && --left == 0)
                {
                    break;
                }
            }

            return ExitCode.Ok;
        });
        return command;
    }
}
