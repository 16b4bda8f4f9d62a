using System.CommandLine;
using System.Globalization;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Streams.Feeds;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll feed create|list|describe|delete</c>.</summary>
internal static class FeedCommands
{
    private const string SpaceDescription = "A strong space of records, or a table of a strong keyspace (keyspace.table)";
    private const string WhatItDoes = "copy what is in a space into a topic, and then each change of it once, those of a key in order";

    public static Command Create(ClientOptions client)
    {
        var command = new Command("feed", "Copy the changes of spaces into topics: create, list, describe and delete feeds");
        command.Subcommands.Add(CreateCommand(client));
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(DescribeCommand(client));
        command.Subcommands.Add(DeleteCommand(client));
        return command;
    }

    /// <summary><c>atoll space watch</c>: a feed, made from the space's side.</summary>
    public static Command CreateWatch(ClientOptions client)
    {
        var space = new Argument<string>("name") { Description = SpaceDescription };
        var feed = new Option<string?>("--feed") { Description = "The name of the feed. Default: the topic's" };
        var topic = TopicOption();
        var command = new Command("watch", $"Make a feed (atoll feed): {WhatItDoes}") { space, topic, feed };
        command.SetAction((parsed, cancellation) => CreateAsync(
            client, parsed, parsed.GetValue(feed) ?? parsed.GetRequiredValue(topic), parsed.GetRequiredValue(space),
            parsed.GetRequiredValue(topic), cancellation));
        return command;
    }

    private static Option<string> TopicOption() => new("--topic", "-t") { Description = "The topic", Required = true };

    private static Argument<string> NameArgument() => new("name") { Description = "The feed's name" };

    private static Command CreateCommand(ClientOptions client)
    {
        var name = NameArgument();
        var space = new Option<string>("--space", "-s") { Description = SpaceDescription, Required = true };
        var topic = TopicOption();
        var command = new Command("create", $"C{WhatItDoes[1..]}") { name, space, topic };
        command.SetAction((parsed, cancellation) => CreateAsync(
            client, parsed, parsed.GetRequiredValue(name), parsed.GetRequiredValue(space), parsed.GetRequiredValue(topic), cancellation));
        return command;
    }

    private static async Task<int> CreateAsync(
        ClientOptions client, ParseResult parsed, string name, string space, string topic, CancellationToken cancellation)
    {
        await using var atoll = client.Connect(parsed);
        var created = await atoll.Feeds.CreateAsync(name, space, topic, cancellation).ConfigureAwait(false);
        client.Printer(parsed).Result(
            $"feed {created.Name}: the changes of space {created.Space} go to topic {created.Topic}",
            writer => FeedJson.Write(writer, created));
        return ExitCode.Ok;
    }

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all feeds");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var printer = client.Printer(parsed);
            var table = new Table().Border(TableBorder.Simple).AddColumns("feed", "space", "topic");
            foreach (var feed in await atoll.Feeds.ListAsync(cancellation).ConfigureAwait(false))
            {
                if (printer.IsJson)
                {
                    printer.Json(writer => FeedJson.Write(writer, feed));
                }

                table.AddRow(Markup.Escape(feed.Name), Markup.Escape(feed.Space), Markup.Escape(feed.Topic));
            }

            if (!printer.IsJson)
            {
                printer.Tables.Write(table);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DescribeCommand(ClientOptions client)
    {
        var name = NameArgument();
        var command = new Command("describe", "Show a feed, and how far it is behind in each shard of its space") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var feed = await FindAsync(atoll, parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
            var progress = await atoll.Feeds.ProgressAsync(feed, cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.Json(writer =>
                {
                    FeedJson.Write(writer, feed);
                    FeedJson.Write(writer, progress);
                });
                return ExitCode.Ok;
            }

            printer.Line($"feed {feed.Name}: the changes of space {feed.Space} go to topic {feed.Topic}, {feed.Partitions} partitions");
            var table = new Table().Border(TableBorder.Simple).AddColumns("shard", "state", "snapshot", "lag");
            foreach (var shard in progress)
            {
                table.AddRow(
                    $"{shard.Shard}", FeedJson.NameOf(shard.State), shard.Snapshot.ToString(CultureInfo.InvariantCulture),
                    shard.Lag is { } lag ? string.Create(CultureInfo.InvariantCulture, $"{lag.TotalSeconds:0.000} s") : "");
            }

            printer.Tables.Write(table);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DeleteCommand(ClientOptions client)
    {
        var name = NameArgument();
        var command = new Command("delete", "End a feed, and forget how far it has come; what is in the topic stays") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var feed = parsed.GetRequiredValue(name);
            await using var atoll = client.Connect(parsed);
            var deleted = await atoll.Feeds.DeleteAsync(feed, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                deleted ? $"feed {feed} is gone" : $"there is no feed {feed}", writer => writer.WriteBoolean("deleted", deleted));
            return deleted ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private static async ValueTask<Feed> FindAsync(AtollClient atoll, string name, CancellationToken cancellation) =>
        (await atoll.Feeds.ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(known => known.Name == name)
        ?? throw new CommandException(ExitCode.NotFound, $"there is no feed \"{name}\"");
}
