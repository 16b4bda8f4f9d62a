using System.CommandLine;
using System.Text;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Commands;

/// <summary><c>atoll topic produce|consume|tail</c>.</summary>
internal static class TopicRecordCommands
{
    private static readonly Dictionary<string, RecordCompression> Compressions = new(StringComparer.Ordinal)
    {
        ["none"] = RecordCompression.None,
        ["gzip"] = RecordCompression.Gzip,
        ["snappy"] = RecordCompression.Snappy,
        ["lz4"] = RecordCompression.Lz4,
        ["zstd"] = RecordCompression.Zstandard,
    };

    public static IEnumerable<Command> Create(ClientOptions client)
    {
        yield return Produce(client);
        yield return Consume(client);
        yield return Tail(client);
    }

    private static Option<int?> PartitionOption(string description) =>
        new("--partition", "-p") { Description = description, HelpName = "NUMBER" };

    private static Option<long> LimitOption() => new("--limit", "-l") { Description = "End after so many records", HelpName = "COUNT" };

    private static Command Produce(ClientOptions client)
    {
        var name = TopicCommands.NameArgument();
        var partition = PartitionOption(
            "Write to this partition. Default: that of the key, as Kafka's Java client has it; without a key, each in turn");
        var separator = new Option<string?>("--key-separator", "-k")
        {
            Description = "What stands before the first of these is the record's key", HelpName = "TEXT",
        };
        var compression = new Option<string>("--compression", "-z")
        {
            Description = "How batches are compressed: none, gzip, snappy, lz4 or zstd", DefaultValueFactory = _ => "none",
        };
        compression.AcceptOnlyFromAmong([.. Compressions.Keys]);
        var emptyIsNull = new Option<bool>("--empty-is-null")
        {
            Description = "What has nothing behind the separator gets no value: a tombstone, which deletes its key in a compacted topic",
        };
        var command = new Command("produce", "Append each line of the standard input as a record, once and durably")
        {
            name, partition, separator, compression, emptyIsNull,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var topic = await atoll.Streams.TopicAsync(parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
            var number = TopicCommands.Checked(topic, parsed.GetValue(partition));
            await using var producer = atoll.Streams.Producer(topic, new TopicProducerOptions
            {
                Compression = Compressions[parsed.GetRequiredValue(compression)],
                Timeout = ClientOptions.Duration(parsed, client.CallTimeout) ?? TimeSpan.FromSeconds(10),
            });
            using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
            while (await input.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
            {
                var at = parsed.GetValue(separator) is { Length: > 0 } text ? line.IndexOf(text, StringComparison.Ordinal) : -1;
                ReadOnlyMemory<byte>? key = null;
                if (at >= 0)
                {
                    key = Encoding.UTF8.GetBytes(line[..at]);
                    line = line[(at + parsed.GetValue(separator)!.Length)..];
                }

                ReadOnlyMemory<byte>? value = null;
                if (line.Length > 0 || !parsed.GetValue(emptyIsNull))
                {
                    value = Encoding.UTF8.GetBytes(line);
                }

                await producer.Writer.WriteAsync(
                    new RecordToAppend(key, value) { Partition = number }, cancellation).ConfigureAwait(false);
                if (!Console.IsInputRedirected)
                {
                    await producer.FlushAsync(cancellation).ConfigureAwait(false);
                }
            }

            await producer.FlushAsync(cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                $"{producer.Appended} records", writer => writer.WriteNumber("appended", producer.Appended));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Consume(ClientOptions client)
    {
        var name = TopicCommands.NameArgument();
        var partition = PartitionOption("Only this partition");
        var from = new Option<string>("--from")
        {
            Description = $"Where to begin: {PlaceInPartition.Words}",
            HelpName = "PLACE", DefaultValueFactory = _ => "earliest",
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Wait for more, without end" };
        var limit = LimitOption();
        var command = new Command("consume", "Print the records of a topic: key, tab, value; with --json an object a line")
        {
            name, partition, from, follow, limit,
        };
        command.SetAction((parsed, cancellation) => ReadAsync(
            client, parsed, name, parsed.GetValue(partition), parsed.GetRequiredValue(from), parsed.GetValue(follow),
            parsed.GetValue(limit), cancellation));
        return command;
    }

    private static Command Tail(ClientOptions client)
    {
        var name = TopicCommands.NameArgument();
        var partition = PartitionOption("Only this partition");
        var limit = LimitOption();
        var command = new Command("tail", "Print the records of a topic as they come") { name, partition, limit };
        command.SetAction((parsed, cancellation) => ReadAsync(
            client, parsed, name, parsed.GetValue(partition), "latest", follow: true, parsed.GetValue(limit), cancellation));
        return command;
    }

    private static async Task<int> ReadAsync(
        ClientOptions client, ParseResult parsed, Argument<string> name, int? partition, string from, bool follow, long limit,
        CancellationToken cancellation)
    {
        await using var atoll = client.Connect(parsed);
        var topic = await atoll.Streams.TopicAsync(parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
        var partitions = TopicCommands.PartitionsOf(topic, partition);
        var printer = client.Printer(parsed);
        var place = TopicCommands.PlaceOf(from, "--from");
        var left = limit > 0 ? limit : long.MaxValue;
        var gate = new Lock();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

        // Partitions that are followed are read side by side; else one behind the other, so that the same is printed each time.
        async Task ReadPartitionAsync(int number)
        {
            var reader = new TopicReader(atoll.Streams, topic, number);
            var first = await place.FindAsync(reader, done.Token).ConfigureAwait(false);
            var end = follow ? long.MaxValue : await reader.FindAsync(PartitionFind.Latest, done.Token).ConfigureAwait(false);
            await foreach (var record in reader.ReadAsync(first, end, done.Token).ConfigureAwait(false))
            {
                lock (gate)
                {
                    if (left == 0)
                    {
                        return;
                    }

                    Print(printer, record);
                    if (--left > 0)
                    {
                        continue;
                    }
                }

                await done.CancelAsync().ConfigureAwait(false);
                return;
            }
        }

        try
        {
            if (follow)
            {
                await Task.WhenAll(partitions.Select(ReadPartitionAsync)).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            foreach (var number in partitions)
            {
                await ReadPartitionAsync(number).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (left == 0 && !cancellation.IsCancellationRequested)
        {
            return ExitCode.Ok; // as many as were wanted are printed
        }

        return ExitCode.Ok;
    }

    private static void Print(Printer printer, TopicRecord record)
    {
        if (printer.IsJson)
        {
            printer.Json(writer => TopicJson.Write(writer, record));
            return;
        }

        var value = record.Value is { } present ? Printer.Readable(present.Span) : "";
        printer.Line(record.Key is { } key ? $"{Printer.Readable(key.Span)}\t{value}" : value);
    }
}
