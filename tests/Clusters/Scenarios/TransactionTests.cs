using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>The coordinators of transactions in a whole cluster: docs/streams.md.</summary>
public sealed class TransactionTests
{
    private readonly Scene _scene = new(
        3, Sabotage.None, new ClusterShape { SnapshotAfterLogBytes = 2_000 }, kind: SpaceKind.Transactions);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_decided_outlives_its_coordinators(bool everywhere)
    {
        var client = _scene.Cluster.NewClient();
        var producer = Send(client, writer => TransactionCommand.Write(writer, new InitProducer("x", 60_000, 5, -1, -1)));
        for (var number = 0; number < 3; number++)
        {
            for (var partition = 0; partition < 15; partition++)
            {
                Assert.Equal(producer with { Number = number }, Add(client, 0, partition));
            }

            Assert.Equal(TransactionStatus.Ok, End(client, 0, number != 1).Status);
            if (everywhere)
            {
                _scene.LosePowerEverywhere();
            }
            else
            {
                var leader = _scene.Leader;
                _scene.Cluster.Node(leader).LosePower();
                Assert.Equal(15, Find(client).Partitions.Count);
                _scene.Cluster.Node(leader).Start();
            }

            Assert.Equal(number == 1 ? TransactionState.PrepareAbort : TransactionState.PrepareCommit, Find(client).State);
            Assert.Equal(TransactionStatus.InvalidState, End(client, 0, number == 1).Status);
            Assert.Equal(TransactionStatus.Concurrent, Add(client, 0, 0).Status);
            Assert.Equal(TransactionStatus.Ok, Send(client, writer => TransactionCommand.Write(
                writer, new CompleteTransaction("x", 5, 0, number))).Status);
        }
    }

    [Fact]
    public void What_lasts_too_long_is_aborted_also_when_the_coordinator_has_changed()
    {
        var client = _scene.Cluster.NewClient();
        Send(client, writer => TransactionCommand.Write(writer, new InitProducer("x", 5_000, 5, -1, -1)));
        Assert.Equal(TransactionStatus.Ok, Add(client, 0, 0).Status);
        _scene.Cluster.Node(_scene.Leader).LosePower();
        Assert.Equal(TransactionState.Ongoing, Find(client).State);
        _scene.Await(() => Find(client).State == TransactionState.PrepareAbort, "it is aborted", 20);
        Assert.Equal(1, Find(client).Epoch);
        Assert.Equal(TransactionStatus.Fenced, End(client, 0, isCommit: true).Status);
    }

    private Request Request(RequestKind kind, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return new Request { Kind = kind, Space = _scene.Space, RoutingHash = TransactionCommand.HashOf("x"), Payload = writer.ToArray() };
    }

    private TransactionResult Send(SimClient client, Action<WireWriter> command)
    {
        var call = client.CallAndWait(Request(RequestKind.Write, command));
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        Assert.True(TransactionResult.TryRead(call.Response.Body, out var result));
        return result;
    }

    private TransactionResult Add(SimClient client, short epoch, int partition) => Send(client, writer => TransactionCommand.Write(
        writer, new AddToTransaction("x", 5, epoch, [new TopicPartition("t", partition)], [])));

    private TransactionResult End(SimClient client, short epoch, bool isCommit) =>
        Send(client, writer => TransactionCommand.Write(writer, new EndTransaction("x", 5, epoch, isCommit)));

    private TransactionalProducer Find(SimClient client)
    {
        var call = client.CallAndWait(Request(RequestKind.Read, static writer => TransactionQuery.WriteFind(writer, "x")));
        Assert.Equal(ResponseStatus.Ok, call.Response.Status);
        return TransactionsPage.TryRead(call.Response.Body)!.Producers.Single();
    }
}
