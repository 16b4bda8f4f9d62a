using System.CommandLine;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services;
using Atoll.StateMachines.Directory;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll space create|list|describe|drop</c>.</summary>
internal static class SpaceCommands
{
    private static readonly SortedDictionary<string, ConflictRule> Rules = new(StringComparer.Ordinal)
    {
        ["last-write"] = ConflictRule.LastWrite, ["siblings"] = ConflictRule.Siblings, ["counters"] = ConflictRule.Counters,
        ["sets"] = ConflictRule.Sets, ["maps"] = ConflictRule.Maps,
    };

    public static Command Create(ClientOptions client)
    {
        var command = new Command("space", "Create, list, describe, watch and drop spaces");
        command.Subcommands.Add(CreateCommand(client));
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(DescribeCommand(client));
        command.Subcommands.Add(FeedCommands.CreateWatch(client));
        command.Subcommands.Add(DropCommand(client));
        return command;
    }

    private static Command CreateCommand(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "The space's name" };
        var replication = new Option<string>("--replication")
        {
            Description = "What it survives: strong (Raft) or eventual (no leader: all that can be reached serve); byzantine is to come",
            DefaultValueFactory = _ => "strong",
        };
        replication.AcceptOnlyFromAmong("strong", "eventual", "byzantine");
        var conflicts = new Option<string>("--conflicts")
        {
            Description = "Eventual spaces: what becomes of concurrent writes of a record. last-write: the latest stays; "
                + "siblings: all stay until a write that has seen them replaces them; counters: records are numbers that are added to; "
                + "sets, maps: of each element the latest change stays",
            DefaultValueFactory = _ => "last-write",
        };
        conflicts.AcceptOnlyFromAmong([.. Rules.Keys]);
        var replicas = new Option<int?>("--replicas", "-r")
        {
            Description = "Copies of each shard: 1, 3, 5 or 7; 1 to 15 if eventual. Default: those of the regions together, or 3",
        };
        var regions = new RegionOptions();
        var shards = new Option<int>("--shards", "-s")
        {
            Description = "Into how many shards the keys are cut", DefaultValueFactory = _ => 1,
        };
        var command = new Command("create", "Create a space (again with the same options: fine)") 
        {
            name, replication, conflicts, replicas, shards, regions.Factors, regions.Allowed,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var chosen = regions.Of(parsed);
            var options = new SpaceOptions(
                parsed.GetRequiredValue(name), Enum.Parse<FaultModel>(parsed.GetRequiredValue(replication), ignoreCase: true),
                parsed.GetValue(replicas) ?? (chosen?.ReplicaCount is > 0 and var count ? count : 3),
                Partitioning.Hash, parsed.GetValue(shards), Regions: chosen,
                Conflicts: Rules[parsed.GetRequiredValue(conflicts)]);
            var space = await atoll.Spaces.CreateAsync(options, cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.RawJson(writer => RecordJson.Write(writer, space, null));
            }
            else
            {
                printer.Line($"space {space.Name}: {space.Options.Replicas} replicas, {space.Options.ShardCount} shards");
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all spaces");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var spaces = await atoll.Spaces.ListAsync(cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                foreach (var space in spaces)
                {
                    printer.RawJson(writer => RecordJson.Write(writer, space, null));
                }

                return ExitCode.Ok;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("space", "replication", "replicas", "shards", "created");
            foreach (var space in spaces)
            {
                table.AddRow(
                    Markup.Escape(space.Name), space.Options.FaultModel.ToString().ToLowerInvariant(), $"{space.Options.Replicas}",
                    $"{space.Options.ShardCount}", RecordJson.Time(space.Created));
            }

            printer.Tables.Write(table);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DescribeCommand(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "The space's name" };
        var command = new Command("describe", "Show a space, its shards, where they are, and how many records it has") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var found = await atoll.Spaces.DescribeAsync(parsed.GetRequiredValue(name), cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            if (printer.IsJson)
            {
                printer.RawJson(writer => RecordJson.Write(writer, found.Space, found.Shards));
                return ExitCode.Ok;
            }

            var count = await atoll.Records(found.Space.Name).CountAsync(default, cancellation).ConfigureAwait(false);
            var options = found.Space.Options;
            var where = options.Regions is null ? "" : $" ({options.Regions})";
            var siblings = options.Conflicts == ConflictRule.LastWrite ? "" : $", {options.Conflicts.ToString().ToLowerInvariant()}";
            printer.Line($"space {found.Space.Name}: {options.FaultModel.ToString().ToLowerInvariant()}{siblings}, "
                + $"{options.Replicas} replicas{where}, {options.ShardCount} shards, {count.Records} records, "
                + $"about {Printer.Size(count.Bytes)} a copy");
            var table = new Table().Border(TableBorder.Simple).AddColumns("shard", "hashes", "nodes (preferred leader first)");
            foreach (var shard in found.Shards)
            {
                table.AddRow($"{shard.Id}", $"{shard.HashLow:x16}..{shard.HashHigh:x16}", string.Join(", ", shard.Replicas));
            }

            printer.Tables.Write(table);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DropCommand(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "The space's name" };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask" };
        var command = new Command("drop", "Drop a space with all its data") { name, yes };
        command.SetAction(async (parsed, cancellation) =>
        {
            var space = parsed.GetRequiredValue(name);
            if (!parsed.GetValue(yes) && !Confirm(space))
            {
                return ExitCode.Usage;
            }

            await using var atoll = client.Connect(parsed);
            var dropped = await atoll.Spaces.DropAsync(space, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                dropped ? $"space {space} is gone" : $"there is no space {space}", writer => writer.WriteBoolean("dropped", dropped));
            return dropped ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private static bool Confirm(string space)
    {
        if (Console.IsInputRedirected)
        {
            throw new CommandException($"dropping space \"{space}\" loses its data; give --yes to say that you mean it");
        }

        Console.Error.Write($"Drop space \"{space}\" with all its data? Type its name: ");
        return Console.ReadLine() == space;
    }
}
