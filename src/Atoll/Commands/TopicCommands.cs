using System.CommandLine;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll topic create|list|describe|alter|delete|produce|consume|tail</c>.</summary>
internal static class TopicCommands
{
    public static Command Create(ClientOptions client)
    {
        var command = new Command("topic", "Create, list, describe, change and delete topics; write and read their records");
        command.Subcommands.Add(CreateCommand(client));
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(DescribeCommand(client));
        command.Subcommands.Add(AlterCommand(client));
        command.Subcommands.Add(DeleteCommand(client));
        foreach (var records in TopicRecordCommands.Create(client))
        {
            command.Subcommands.Add(records);
        }

        return command;
    }

    public static Argument<string> NameArgument() => new("name") { Description = "The topic's name" };

    /// <summary>The number of a partition that the topic has; null when none was given.</summary>
    public static int? Checked(Topic topic, int? partition) => partition is null || topic.Partition(partition.Value) is not null
        ? partition
        : throw new CommandException(
            ExitCode.NotFound, $"topic {topic.Name} has the partitions 0 to {topic.Partitions.Length - 1}, not {partition}");

    /// <summary>The partition that was given, or all that the topic has.</summary>
    public static IReadOnlyList<int> PartitionsOf(Topic topic, int? partition) =>
        Checked(topic, partition) is { } one ? [one] : [.. Enumerable.Range(0, topic.Partitions.Length)];

    /// <summary>The place in a partition that an option names.</summary>
    public static PlaceInPartition PlaceOf(string words, string option) => PlaceInPartition.TryParse(words, out var place) ? place
        : throw new CommandException($"{option} {words}: {PlaceInPartition.Words} is needed");

    private static Option<string[]> SetOption() => new("--set")
    {
        Description = $"A setting; may be given several times: {string.Join(", ", TopicSetting.All.Select(setting => setting.Name))}",
        HelpName = "NAME=VALUE", AllowMultipleArgumentsPerToken = true,
    };

    private static Command CreateCommand(ClientOptions client)
    {
        var name = NameArgument();
        var partitions = new Option<int?>("--partitions", "-p") { Description = "How many partitions. Default: 1" };
        var replicas = new Option<int?>("--replicas", "-r")
        {
            Description = "Copies of each partition: 1, 3, 5 or 7. Default: those of the regions together, or 3, or 1 where there are "
                + "fewer than three nodes",
        };
        var replication = new Option<string>("--replication")
        {
            Description = "What it survives: strong (Raft); a topic is an order of records, and eventual has none",
            DefaultValueFactory = _ => "strong",
        };
        replication.AcceptOnlyFromAmong("strong", "eventual", "byzantine");
        var regions = new RegionOptions();
        var set = SetOption();
        var command = new Command("create", "Create a topic")
        {
            name, partitions, replicas, replication, regions.Factors, regions.Allowed, set,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var topic = await atoll.Streams.CreateAsync(
                new TopicCreation(
                    parsed.GetRequiredValue(name), parsed.GetValue(partitions), parsed.GetValue(replicas),
                    Changed(TopicSettings.Default, parsed.GetValue(set) ?? [], []), regions.Of(parsed),
                    Enum.Parse<FaultModel>(parsed.GetRequiredValue(replication), ignoreCase: true)),
                cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                $"topic {topic.Name}: {topic.Partitions.Length} partitions, {ReplicasOf(topic)} replicas",
                writer => TopicJson.Write(writer, topic));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all topics");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var topics = (await atoll.Streams.RefreshAsync(cancellation).ConfigureAwait(false)).Topics;
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                foreach (var topic in topics)
                {
                    printer.Json(writer => TopicJson.Write(writer, topic));
                }

                return ExitCode.Ok;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("topic", "partitions", "replicas", "settings");
            foreach (var topic in topics)
            {
                table.AddRow(
                    Markup.Escape(topic.Name), $"{topic.Partitions.Length}", Markup.Escape(ReplicasOf(topic)),
                    Markup.Escape(string.Join(", ", topic.Settings.Chosen.Select(pair => $"{pair.Key}={pair.Value}"))));
            }

            printer.Tables.Write(table);
            return ExitCode.Ok;
        });
        return command;
    }

    private static string ReplicasOf(Topic topic) =>
        topic.Space.Options is { Regions: { } regions, Replicas: var replicas }
            ? $"{replicas} ({regions})" : $"{topic.Space.Options.Replicas}";

    private static Command DescribeCommand(ClientOptions client)
    {
        var name = NameArgument();
        var command = new Command("describe", "Show a topic, its settings, and where its partitions are and what they have") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var topic = await atoll.Streams.TopicAsync(parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
            var ends = await PartitionEnds.OfAsync(atoll.Streams, topic, cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.Json(writer =>
                {
                    TopicJson.Write(writer, topic);
                    TopicJson.Write(writer, topic, ends);
                });
                return ExitCode.Ok;
            }

            printer.Line($"topic {topic.Name}: {topic.Partitions.Length} partitions, {topic.Space.Options.Replicas} replicas");
            foreach (var setting in TopicSetting.All)
            {
                printer.Line($"  {setting.Name} = {topic.Settings[setting]}");
            }

            var table = new Table().Border(TableBorder.Simple)
                .AddColumns("partition", "shard", "first offset", "next offset", "nodes (preferred leader first)");
            for (var partition = 0; partition < ends.Length; partition++)
            {
                var shard = topic.Partitions[partition];
                table.AddRow(
                    $"{partition}", $"{shard.Id}", $"{ends[partition].First}", $"{ends[partition].Next}",
                    string.Join(", ", shard.Replicas));
            }

            printer.Tables.Write(table);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command AlterCommand(ClientOptions client)
    {
        var name = NameArgument();
        var set = SetOption();
        var unset = new Option<string[]>("--unset")
        {
            Description = "A setting that is to have its default again; may be given several times",
            HelpName = "NAME", AllowMultipleArgumentsPerToken = true,
        };
        var partitions = new Option<int?>("--partitions", "-p") { Description = "How many partitions it shall have: more than it has" };
        var command = new Command("alter", "Change settings of a topic, or give it more partitions") { name, partitions, set, unset };
        command.SetAction(async (parsed, cancellation) =>
        {
            var topic = parsed.GetRequiredValue(name);
            var (chosen, dropped) = (parsed.GetValue(set) ?? [], parsed.GetValue(unset) ?? []);
            await using var atoll = client.Connect(parsed);
            if (chosen.Length + dropped.Length > 0 || parsed.GetValue(partitions) is null)
            {
                await atoll.Streams.AlterAsync(topic, settings => Changed(settings, chosen, dropped), cancellation).ConfigureAwait(false);
            }

            if (parsed.GetValue(partitions) is { } count)
            {
                await atoll.Streams.GrowAsync(topic, count, cancellation).ConfigureAwait(false);
            }

            client.Printer(parsed).Result($"topic {topic} is changed", writer => writer.WriteBoolean("changed", true));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DeleteCommand(ClientOptions client)
    {
        var name = NameArgument();
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask" };
        var command = new Command("delete", "Delete a topic with all its records") { name, yes };
        command.SetAction(async (parsed, cancellation) =>
        {
            var topic = parsed.GetRequiredValue(name);
            if (!parsed.GetValue(yes) && !Confirm(topic))
            {
                return ExitCode.Usage;
            }

            await using var atoll = client.Connect(parsed);
            var deleted = await atoll.Streams.DeleteAsync(topic, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                deleted ? $"topic {topic} is gone" : $"there is no topic {topic}", writer => writer.WriteBoolean("deleted", deleted));
            return deleted ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private static TopicSettings Changed(TopicSettings settings, string[] chosen, string[] dropped)
    {
        foreach (var text in chosen)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var fault = equals < 0 ? "a name and a value, as retention.ms=60000, are needed"
                : settings.TrySet(text[..equals], text[(equals + 1)..], out settings);
            if (fault is not null)
            {
                throw new CommandException($"--set {text}: {fault}");
            }
        }

        foreach (var text in dropped)
        {
            if (settings.TrySet(text, null, out settings) is { } fault)
            {
                throw new CommandException($"--unset {text}: {fault}");
            }
        }

        return settings;
    }

    private static bool Confirm(string topic)
    {
        if (Console.IsInputRedirected)
        {
            throw new CommandException($"deleting topic \"{topic}\" loses its records; give --yes to say that you mean it");
        }

        Console.Error.Write($"Delete topic \"{topic}\" with all its records? Type its name: ");
        return Console.ReadLine() == topic;
    }
}
