using System.CommandLine;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Streams.Subscriptions;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll subscription create|list|describe|delete</c>.</summary>
internal static class SubscriptionCommands
{
    public static Command Create(ClientOptions client)
    {
        var command = new Command("subscription", "Push topics to URLs: create, list, describe and delete subscriptions");
        command.Subcommands.Add(CreateCommand(client));
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(DescribeCommand(client));
        command.Subcommands.Add(DeleteCommand(client));
        return command;
    }

    private static Argument<string> NameArgument() => new("name") { Description = "The subscription's name" };

    private static Option<string?> DurationOption(string name, string description) =>
        new(name) { Description = description, HelpName = "DURATION" };

    private static Option<int?> CountOption(string name, string description) => new(name) { Description = description, HelpName = "COUNT" };

    private static Command CreateCommand(ClientOptions client)
    {
        var name = NameArgument();
        var topic = new Option<string>("--topic", "-t") { Description = "The topic", Required = true };
        var url = new Option<string>("--url") { Description = "Where its records are posted to: http or https", Required = true };
        var from = new Option<string?>("--from")
        {
            Description = $"Where to begin: {Services.Streams.PlaceInPartition.Words}. Default: earliest", HelpName = "PLACE",
        };
        var dead = new Option<string?>("--dead-letters")
        {
            Description = "The topic that gets what cannot be delivered. Default: none; nothing is ever given up", HelpName = "TOPIC",
        };
        var secret = new Option<FileInfo?>("--secret-file")
        {
            Description = "What deliveries are signed with. Default: a secret is drawn, and printed once", HelpName = "FILE",
        };
        var attempts = CountOption("--attempts", "How often a delivery is tried. Default: 20");
        var first = DurationOption("--first-delay", "The longest wait before the second try; it doubles from try to try. Default: 1s");
        var longest = DurationOption("--longest-delay", "The longest wait between two tries. Default: 5m");
        var patience = DurationOption("--answer-timeout", "How long the receiver may take to answer. Default: 10s");
        var records = CountOption("--records", "Records of one delivery. Default: 100");
        var bytes = CountOption("--bytes", "Bytes of one delivery, if it has more than one record. Default: 262144");
        var command = new Command("create", "Push a topic to a URL, each record at least once, those of a partition in order")
        {
            name, topic, url, from, dead, secret, attempts, first, longest, patience, records, bytes,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            int? Milliseconds(Option<string?> option) => (int?)ClientOptions.Duration(parsed, option)?.TotalMilliseconds;
            var wanted = new SubscriptionBody(
                parsed.GetRequiredValue(topic), parsed.GetRequiredValue(url), parsed.GetValue(from), Secret(parsed.GetValue(secret)),
                parsed.GetValue(dead), parsed.GetValue(attempts), Milliseconds(first), Milliseconds(longest), Milliseconds(patience),
                parsed.GetValue(records), parsed.GetValue(bytes));
            await using var atoll = client.Connect(parsed);
            var created = await atoll.Subscriptions.CreateAsync(wanted.Of(parsed.GetRequiredValue(name)), cancellation)
                .ConfigureAwait(false);
            client.Printer(parsed).Result(
                $"subscription {created.Name}: topic {created.Topic} is pushed to {created.Url}\nsecret: {created.Secret}",
                writer => SubscriptionJson.Write(writer, created, withSecret: true));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all subscriptions");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var printer = client.Printer(parsed);
            var table = new Table().Border(TableBorder.Simple).AddColumns("subscription", "topic", "url", "dead letters");
            foreach (var subscription in await atoll.Subscriptions.ListAsync(cancellation).ConfigureAwait(false))
            {
                if (printer.IsJson)
                {
                    printer.Json(writer => SubscriptionJson.Write(writer, subscription, withSecret: false));
                }

                table.AddRow(
                    Markup.Escape(subscription.Name), Markup.Escape(subscription.Topic), Markup.Escape(subscription.Url),
                    Markup.Escape(subscription.DeadLetters ?? ""));
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
        var command = new Command("describe", "Show a subscription, which node delivers which partition, and how far it is behind")
        {
            name,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var subscription = await FindAsync(atoll, parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
            var progress = await GroupProgress.OfAsync(atoll, subscription.Group, cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.Json(writer =>
                {
                    SubscriptionJson.Write(writer, subscription, withSecret: false);
                    writer.WriteStartObject("progress");
                    progress.Write(writer);
                    writer.WriteEndObject();
                });
                return ExitCode.Ok;
            }

            printer.Line($"subscription {subscription.Name}: topic {subscription.Topic} is pushed to {subscription.Url}");
            printer.Line(subscription.DeadLetters is { } dead
                ? $"after {subscription.AttemptsMax} attempts, or when it is refused for good, a record goes to topic {dead}"
                : "nothing is given up: there is no topic for dead letters");
            printer.Tables.Write(GroupCommands.Draw(progress));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DeleteCommand(ClientOptions client)
    {
        var name = NameArgument();
        var command = new Command("delete", "End a subscription, and forget how far it has come") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var subscription = parsed.GetRequiredValue(name);
            await using var atoll = client.Connect(parsed);
            var deleted = await atoll.Subscriptions.DeleteAsync(subscription, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                deleted ? $"subscription {subscription} is gone" : $"there is no subscription {subscription}",
                writer => writer.WriteBoolean("deleted", deleted));
            return deleted ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private static async ValueTask<Subscription> FindAsync(AtollClient atoll, string name, CancellationToken cancellation) =>
        (await atoll.Subscriptions.ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(known => known.Name == name)
        ?? throw new CommandException(ExitCode.NotFound, $"there is no subscription \"{name}\"");

    private static string? Secret(FileInfo? file)
    {
        if (file is null)
        {
            return null;
        }

        return file.Exists ? File.ReadAllText(file.FullName).Trim()
            : throw new CommandException($"--secret-file: there is no file {file}");
    }
}
