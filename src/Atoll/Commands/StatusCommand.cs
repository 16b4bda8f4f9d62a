using System.CommandLine;
using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Http;
using Atoll.Node.Loops;
using Atoll.Output;
using Atoll.Services.Cluster;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Atoll.Commands;

/// <summary><c>atoll status</c> and <c>atoll transfer-leader</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(ClientOptions client)
    {
        var watch = new Option<bool>("--watch", "-w") { Description = "Show it anew every second until Ctrl-C" };
        var command = new Command("status", "Show nodes, shards, leaders, lag and disk") { watch };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var printer = client.Printer(parsed);
            if (!parsed.GetValue(watch))
            {
                Show(printer, await atoll.Cluster.StatusAsync(cancellation).ConfigureAwait(false));
                return ExitCode.Ok;
            }

            await LiveView.ShowAsync(
                printer, async token => await atoll.Cluster.StatusAsync(token).ConfigureAwait(false),
                static status => new Rows(Nodes(status), Stores(status), Shards(status)), status => Show(printer, status), cancellation)
                .ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command CreateTransferLeader(ClientOptions client)
    {
        var shard = new Argument<ulong>("shard") { Description = "The shard's number, as status shows it" };
        var to = new Option<uint>("--to") { Description = "The node that shall lead", HelpName = "NODE", Required = true };
        var command = new Command("transfer-leader", "Hand a shard's leadership to another of its replicas") { shard, to };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var (number, node) = (new ShardId(parsed.GetValue(shard)), new NodeId(parsed.GetValue(to)));
            await atoll.Cluster.TransferLeadershipAsync(number, node, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result($"shard {number} is handed to node {node}", writer =>
            {
                writer.WriteNumber("shard", number.Value);
                writer.WriteNumber("node", node.Value);
            });
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(Printer printer, ClusterStatus status)
    {
        if (printer.IsJson)
        {
            printer.RawJson(writer => ClusterJson.Write(writer, status));
            return;
        }

        printer.Tables.Write(Nodes(status));
        printer.Tables.Write(Stores(status));
        printer.Tables.Write(Shards(status));
        if (status.Nodes.Any(static node => node.Loops.Any(static loop => loop.Eventual.Replicas > 0)))
        {
            printer.Tables.Write(Eventual(status));
        }
    }

    private static Table Eventual(ClusterStatus status)
    {
        var table = new Table().Border(TableBorder.Simple).Title("spaces without leaders").AddColumns(
            "node", "loop", "replicas", "compared at most", "exchanges", "records exchanged", "deletions kept for", "hints for others");
        foreach (var loop in status.Nodes.SelectMany(static node => node.Loops))
        {
            var eventual = loop.Eventual;
            table.AddRow(
                $"{loop.Node}", $"{loop.Loop}",
                eventual.Rejoining == 0 ? $"{eventual.Replicas}" : $"{eventual.Replicas}, [red]{eventual.Rejoining} begin anew[/]",
                Ago(eventual.ExchangeLagMilliseconds, "not yet"),
                $"{eventual.ExchangesDone}, {eventual.Exchanges} under way",
                $"{eventual.RecordsExchanged}",
                Ago(eventual.HorizonLagMilliseconds, "all so far"),
                string.Join("; ", eventual.Hints.Where(static hints => hints.Hints > 0 || hints.Dropped > 0).Select(static hints =>
                    $"{hints.Hints} ({Printer.Size(hints.Bytes)}) for node {hints.Peer}")));
        }

        return table;
    }

    private static string Ago(long milliseconds, string never) =>
        milliseconds < 0 ? never : string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0} s");

    private static Table Stores(ClusterStatus status)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            "node", "loop", "store", "on disk", "files by level", "memtables", "cache", "hits", "write amp.", "scrubbed", "damaged");
        foreach (var loop in status.Nodes.SelectMany(static node => node.Loops))
        {
            var store = loop.Store;
            var scrub = store.Scrub;
            var progress = scrub.TotalBytes == 0 ? 1 : Math.Min(1, (double)scrub.PassBytes / scrub.TotalBytes);
            table.AddRow(
                $"{loop.Node}", $"{loop.Loop}",
                store.Condition == StoreCondition.Ready ? "[green]ready[/]" : $"[red]{store.Condition.ToString().ToLowerInvariant()}[/]",
                Printer.Size(store.DiskBytes),
                string.Join('/', store.Levels.Reverse().SkipWhile(static level => level.Files == 0).Reverse().Select(static level =>
                    level.Files)),
                Printer.Size(store.MemtableBytes), Printer.Size(store.CacheBytes),
                string.Create(CultureInfo.InvariantCulture, $"{store.CacheHitRate:0%}"),
                string.Create(CultureInfo.InvariantCulture, $"{store.WriteAmplification:0.0}"),
                string.Create(CultureInfo.InvariantCulture, $"{scrub.Passes} times, now {progress:0%}"),
                store.Damages.IsEmpty ? "" : $"[red]{Markup.Escape(string.Join("; ", store.Damages))}[/]");
        }

        return table;
    }

    private static Table Nodes(ClusterStatus status)
    {
        var table = new Table().Border(TableBorder.Simple).Title($"cluster {status.Directory.ClusterId:x16}")
            .AddColumns(
                "node", "name", "region", "clients", "http", "state", "leads", "replicas", "in flight", "served", "log", "disk free");
        foreach (var node in status.Nodes)
        {
            var replicas = node.Loops.SelectMany(loop => loop.Replicas).ToArray();
            var fault = node.Loops.Select(loop => loop.Fault).FirstOrDefault(text => text.Length > 0);
            var state = node.Problem is not null ? $"[red]unreachable[/]: {Markup.Escape(node.Problem)}"
                : fault is not null ? $"[red]faulted[/]: {Markup.Escape(fault)}" : "[green]up[/]";
            state += node.Node.Standing == NodeStanding.Member ? "" : $", [yellow]{node.Node.Standing.ToString().ToLowerInvariant()}[/]";
            table.AddRow(
                $"{node.Node.Id}", Markup.Escape(node.Node.Name), Markup.Escape(node.Node.Description.RegionName),
                Markup.Escape(node.Node.Description.ClientAddress),
                Markup.Escape(node.Node.Description.HttpAddress), state,
                $"{replicas.Count(replica => replica.Role == ReplicaRole.Leader)}", $"{replicas.Length}",
                $"{node.Loops.Sum(loop => loop.RequestsInFlight)}", $"{node.Loops.Sum(loop => loop.RequestsServed)}",
                Printer.Size(node.Loops.Sum(loop => loop.JournalBytes)),
                node.Loops.Count == 0 ? "" : Printer.Size(node.Loops.Min(loop => loop.DiskFreeBytes)));
        }

        return table;
    }

    private static Table Shards(ClusterStatus status)
    {
        var table = new Table().Border(TableBorder.Simple)
            .AddColumns("shard", "space", "leader", "term", "committed", "records", "size", "replicas (lag in entries)");
        foreach (var shard in status.Directory.Shards)
        {
            var found = status.Nodes.SelectMany(node => node.Loops)
                .SelectMany(loop => loop.Replicas.Where(replica => replica.Shard == shard.Id).Select(replica =>
                    (loop.Node, Replica: replica)))
                .ToDictionary(pair => pair.Node, pair => pair.Replica);
            var leader = found.Where(pair => pair.Value.Role == ReplicaRole.Leader)
                .OrderByDescending(pair => pair.Value.Term.Value).Select(pair =>
                    (KeyValuePair<NodeId, ReplicaStatus>?)pair).FirstOrDefault();
            var committed = found.Values.Select(replica => replica.CommitIndex.Value).DefaultIfEmpty().Max();
            var space = shard.Id == ShardId.Directory ? "[grey](directory)[/]"
                : status.Directory.TryGetSpace(shard.Space, out var info) ? Markup.Escape(info.Name) : $"{shard.Space}";
            table.AddRow(
                $"{shard.Id}", space,
                leader is { } leads ? $"{leads.Key}" : "[red]none[/]",
                leader is { } at ? at.Value.Term.Value.ToString(CultureInfo.InvariantCulture) : "",
                $"{committed}",
                leader is { } with ? $"{with.Value.Records}" : "",
                leader is { } of ? Printer.Size(of.Value.StateBytes) : "",
                string.Join(", ", shard.Replicas.Select(node => Replica(node, found.GetValueOrDefault(node), committed)))
                    + (shard.Move is { } move
                        ? $", [yellow]moves to {string.Join(", ", move.Target)} ({move.Phase.ToString().ToLowerInvariant()})[/]" : ""));
        }

        return table;
    }

    private static string Replica(NodeId node, ReplicaStatus? replica, ulong committed) => replica switch
    {
        null => $"[red]{node}: ?[/]",
        { Role: ReplicaRole.Faulted } => $"[red]{node}: faulted, {Markup.Escape(replica.Detail)}[/]",
        { Role: ReplicaRole.Repairing } => $"[yellow]{node}: repairing: {Markup.Escape(replica.Detail)}[/]",
        { Role: ReplicaRole.Learner } => $"{node}: {Lag(replica, committed)} (learner)",
        _ => $"{node}: {Lag(replica, committed)}",
    };

    private static ulong Lag(ReplicaStatus replica, ulong committed) => committed - Math.Min(committed, replica.AppliedIndex.Value);
}
