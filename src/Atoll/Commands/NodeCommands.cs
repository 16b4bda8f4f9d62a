using System.CommandLine;
using Atoll.Foundation.Identity;
using Atoll.Node.Loops;
using Atoll.Output;
using Atoll.Services.Cluster;
using Atoll.StateMachines.Directory;

namespace Atoll.Commands;

/// <summary><c>atoll retire</c>, <c>remove-node</c> and <c>move-replica</c>: which nodes hold what.</summary>
internal static class NodeCommands
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Command CreateRetire(ClientOptions client)
    {
        var node = Node("The node's number, as status shows it");
        var dead = new Option<bool>("--dead")
        {
            Description = "It never comes back: nobody waits for it, and what only it had is lost. Cannot be taken back",
        };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait until its replicas are elsewhere" };
        var command = new Command("retire", "Move all replicas of a node to others, so that it can be removed") { node, dead, noWait };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var id = new NodeId(parsed.GetValue(node));
            var printer = client.Printer(parsed);
            await atoll.Cluster.RetireNodeAsync(id, parsed.GetValue(dead), cancellation).ConfigureAwait(false);
            var last = -1;
            while (!parsed.GetValue(noWait))
            {
                var status = await atoll.Cluster.StatusAsync(cancellation).ConfigureAwait(false);
                var left = Left(status, id);
                if (left == 0)
                {
                    break;
                }

                if (left != last && !printer.IsJson)
                {
                    printer.Line($"node {id} still holds {left} replicas");
                }

                last = left;
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }

            printer.Result($"node {id} is retired", writer => writer.WriteNumber("node", id.Value));
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command CreateRemove(ClientOptions client)
    {
        var node = Node("The node's number; it must be retired and hold nothing any more");
        var command = new Command("remove-node", "Remove a retired node from the cluster for good") { node };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var id = new NodeId(parsed.GetValue(node));
            var status = await atoll.Cluster.StatusAsync(cancellation).ConfigureAwait(false);
            var hints = status.Nodes.Where(known => known.Node.Id == id)
                .Sum(known => known.Loops.Sum(static loop => loop.Eventual.Hints.Sum(static hint => hint.Hints)));
            if (Left(status, id) > 0 || hints > 0)
            {
                throw new CommandException(
                    ExitCode.Refused,
                    $"node {id} still holds {Left(status, id)} replicas and {hints} hints: retire it first, and wait until it has handed "
                    + "them over");
            }

            await atoll.Cluster.RemoveNodeAsync(id, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result($"node {id} is removed", writer => writer.WriteNumber("node", id.Value));
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command CreateMove(ClientOptions client)
    {
        var shard = new Argument<ulong>("shard") { Description = "The shard's number, as status shows it" };
        var from = new Option<uint>("--from") { Description = "The node that holds a replica", HelpName = "NODE", Required = true };
        var to = new Option<uint>("--to") { Description = "The node that shall hold it", HelpName = "NODE", Required = true };
        var command = new Command("move-replica", "Move one replica of a shard to another node, while it is used") { shard, from, to };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var number = new ShardId(parsed.GetValue(shard));
            await atoll.Cluster.MoveReplicaAsync(
                number, new NodeId(parsed.GetValue(from)), new NodeId(parsed.GetValue(to)), cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                $"a replica of shard {number} moves to node {parsed.GetValue(to)}", writer => writer.WriteNumber("shard", number.Value));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Argument<uint> Node(string description) => new("node") { Description = description };

    // What the directory says it holds, and, of shards with leaders, what others hold in its place and have not caught up with yet.
    private static int Left(ClusterStatus status, NodeId id)
    {
        var view = status.Directory;
        var held = view.Shards.Count(shard => shard.Keepers.Contains(id));
        var learning = status.Nodes.Where(node => node.Node.Id != id).Sum(static node =>
            node.Loops.Sum(static loop => loop.Replicas.Count(static replica => replica.Role == ReplicaRole.Learner)));
        return view.TryGetNode(id, out var node) && node.Standing != NodeStanding.Member ? held + learning : Math.Max(1, held);
    }
}
