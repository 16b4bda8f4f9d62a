using System.CommandLine;
using System.Globalization;
using Atoll.Output;
using Atoll.Services.Streams;
using Atoll.StateMachines.Groups;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll group list|describe|reset|delete</c>.</summary>
internal static class GroupCommands
{
    public static Command Create(ClientOptions client)
    {
        var command = new Command("group", "List and describe groups of consumers and how far they have come; set their offsets");
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(DescribeCommand(client));
        command.Subcommands.Add(ResetCommand(client));
        command.Subcommands.Add(DeleteCommand(client));
        return command;
    }

    private static Argument<string> NameArgument() => new("name") { Description = "The group's id" };

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all groups");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var groups = (await atoll.Groups.ListAsync(cancellation).ConfigureAwait(false)).OrderBy(
                static group => group.Group, StringComparer.Ordinal);
            var printer = client.Printer(parsed);
            var table = new Table().Border(TableBorder.Simple).AddColumns("group", "state", "kind");
            foreach (var group in groups)
            {
                if (printer.IsJson)
                {
                    printer.Json(writer =>
                    {
                        writer.WriteString("group", group.Group);
                        writer.WriteString("state", NameOf(group.State));
                        writer.WriteString("kind", group.ProtocolType);
                    });
                }

                table.AddRow(Markup.Escape(group.Group), NameOf(group.State), Markup.Escape(group.ProtocolType));
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
        var watch = new Option<bool>("--watch", "-w") { Description = "Show it anew every second until Ctrl-C" };
        var command = new Command("describe", "Show a group's members, what each was given, and how far it is behind") { name, watch };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var group = parsed.GetRequiredValue(name);
            var printer = client.Printer(parsed);
            if (parsed.GetValue(watch))
            {
                await LiveView.ShowAsync(
                    printer, token => GroupProgress.OfAsync(atoll, group, token), Draw, progress => printer.Json(progress.Write),
                    cancellation).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            var progress = await GroupProgress.OfAsync(atoll, group, cancellation).ConfigureAwait(false);
            if (printer.IsJson)
            {
                printer.Json(progress.Write);
            }
            else
            {
                printer.Tables.Write(Draw(progress));
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command ResetCommand(ClientOptions client)
    {
        var name = NameArgument();
        var topic = new Option<string>("--topic", "-t") { Description = "Of which topic", Required = true };
        var partition = new Option<int?>("--partition", "-p") { Description = "Only of this partition", HelpName = "NUMBER" };
        var to = new Option<string>("--to") { Description = PlaceInPartition.Words, HelpName = "PLACE", Required = true };
        var dry = new Option<bool>("--dry-run") { Description = "Only show what would be set" };
        var command = new Command("reset", "Set the offsets of a group that has no members") { name, topic, partition, to, dry };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var group = parsed.GetRequiredValue(name);
            var place = TopicCommands.PlaceOf(parsed.GetRequiredValue(to), "--to");
            var found = await atoll.Streams.TopicAsync(parsed.GetRequiredValue(topic), cancellation).ConfigureAwait(false);
            var offsets = new List<OffsetToCommit>();
            foreach (var number in TopicCommands.PartitionsOf(found, parsed.GetValue(partition)))
            {
                var offset = await place.FindAsync(new TopicReader(atoll.Streams, found, number), cancellation).ConfigureAwait(false);
                offsets.Add(new OffsetToCommit(new TopicPartition(found.Name, number), new CommittedOffset(offset, -1, "")));
            }

            var isDry = parsed.GetValue(dry);
            if (!isDry)
            {
                Check(group, await atoll.Groups.CommitAsync(
                    new CommitOffsets(group, new MemberIdentity("", null), -1, offsets), cancellation).ConfigureAwait(false));
            }

            Tell(client.Printer(parsed), offsets, isDry);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DeleteCommand(ClientOptions client)
    {
        var name = NameArgument();
        var command = new Command("delete", "Forget a group that has no members, and its offsets") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var group = parsed.GetRequiredValue(name);
            Check(group, await atoll.Groups.DeleteAsync(group, cancellation).ConfigureAwait(false));
            client.Printer(parsed).Result($"group {group} is gone", writer => writer.WriteBoolean("deleted", true));
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Tell(Printer printer, List<OffsetToCommit> offsets, bool isDry)
    {
        foreach (var (place, committed) in offsets)
        {
            if (printer.IsJson)
            {
                printer.Json(writer =>
                {
                    writer.WriteString("topic", place.Topic);
                    writer.WriteNumber("partition", place.Partition);
                    writer.WriteNumber("offset", committed.Offset);
                    writer.WriteBoolean("set", !isDry);
                });
            }
            else
            {
                printer.Line($"{place.Topic} {place.Partition}: {committed.Offset}{(isDry ? " (not set)" : "")}");
            }
        }
    }

    private static void Check(string group, GroupStatus status)
    {
        if (status != GroupStatus.Ok)
        {
            throw status switch
            {
                GroupStatus.UnknownGroup => new CommandException(ExitCode.NotFound, $"there is no group \"{group}\""),
                GroupStatus.NotEmpty or GroupStatus.UnknownMember or GroupStatus.IllegalGeneration or GroupStatus.RebalanceInProgress =>
                    new CommandException($"group \"{group}\" has members: its offsets are theirs to set; stop its consumers first"),
                GroupStatus.InvalidGroup => new CommandException($"\"{group}\" is not a name of a group"),
                _ => new CommandException($"group \"{group}\": {status}"),
            };
        }
    }

    private static string NameOf(GroupState state) => state switch
    {
        GroupState.PreparingRebalance => "members join",
        GroupState.CompletingRebalance => "waits for its leader",
        GroupState.Stable => "stable",
        _ => "empty",
    };

    /// <summary>A group's members and how far it has come, for people.</summary>
    public static Rows Draw(GroupProgress progress)
    {
        var head = new Text(string.Create(
            CultureInfo.InvariantCulture,
            $"group {progress.Group}: {NameOf(progress.Description.State)}, generation {progress.Description.Generation}, "
            + $"{progress.Description.Members.Count} members, behind by {progress.Lag} records"));
        var table = new Table().Border(TableBorder.Simple)
            .AddColumns("topic", "partition", "committed", "end", "behind by", "member", "client", "host");
        foreach (var place in progress.Places)
        {
            table.AddRow(
                Markup.Escape(place.Place.Topic), $"{place.Place.Partition}", Number(place.Committed), Number(place.End), Number(place.Lag),
                Markup.Escape(place.Member?.Identity.InstanceId ?? place.Member?.Identity.MemberId ?? ""),
                Markup.Escape(place.Member?.ClientId ?? ""), Markup.Escape(place.Member?.ClientHost ?? ""));
        }

        return new Rows(head, table);
    }

    private static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
