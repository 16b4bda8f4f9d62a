using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Live.Nodes;
using Atoll.Live.Tests.Networks;
using Atoll.Node;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Atoll.Live.Tests.Nodes;

/// <summary>Whole nodes on real threads, sockets and files.</summary>
public sealed class LiveNodeTests
{
    private const ulong Cluster = 0xC1;

    [Fact]
    public async Task Three_nodes_found_a_cluster_and_a_restarted_one_comes_back_with_its_data()
    {
        using var folder = new TemporaryFolder();
        var members = Enumerable.Range(1, 3).Select(NewMember).ToImmutableArray();
        var nodes = members.Select(member => Start(folder, member, members)).ToList();
        await Task.WhenAll(nodes.Select(node => node.Ready)).WaitAsync(Waiting.Deadline);
        Waiting.Until(() => nodes.All(node => node.Directory.ClusterId == Cluster && node.Directory.Nodes.Length == 3));

        await nodes[0].DisposeAsync();
        Waiting.Until(() => Ask(nodes[1]).Status == ResponseStatus.Ok);
        nodes[0] = Start(folder, members[0], members);
        await nodes[0].Ready.WaitAsync(Waiting.Deadline);
        Waiting.Until(() => nodes[0].Directory.Nodes.Length == 3);
        Assert.All(nodes, node => Assert.False(node.Failure.IsCompleted));
        await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_stopped_node_answers_at_once_that_it_stops()
    {
        using var folder = new TemporaryFolder();
        var member = NewMember(1);
        var node = Start(folder, member, [member]);
        await node.Ready.WaitAsync(Waiting.Deadline);
        await node.DisposeAsync();
        Assert.Equal(ResponseStatus.Unavailable, Ask(node).Status);
    }

    [Fact]
    public async Task Requests_that_a_failed_loop_held_are_answered()
    {
        // One of three members, alone: the write waits for a leader.
        using var folder = new TemporaryFolder();
        var members = ImmutableArray.Create(NewMember(1), NewMember(2), NewMember(3));
        await using var node = Start(folder, members[0], members);
        await node.Ready.WaitAsync(Waiting.Deadline);
        var held = new Sink();
        node.Submit(new Request { Kind = RequestKind.Write, Shard = ShardId.Directory, Timeout = Duration.FromSeconds(60) }, held);
        node.Submit(new Request { Kind = RequestKind.Status }, new ThrowingSink());
        var answer = await held.Answer.Task.WaitAsync(Waiting.Deadline);
        Assert.NotEqual(ResponseStatus.Ok, answer.Status);
        Assert.Contains(ThrowingSink.Words, answer.Detail, StringComparison.Ordinal);
        Assert.Contains(ThrowingSink.Words, await node.Failure.WaitAsync(Waiting.Deadline), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_loop_of_a_node_answers()
    {
        using var folder = new TemporaryFolder();
        var member = NewMember(1);
        await using var node = Start(folder, member, [member], loops: 3);
        await node.Ready.WaitAsync(Waiting.Deadline);
        for (ulong shard = 0; shard < 6; shard++)
        {
            Assert.Equal(ResponseStatus.Ok, Ask(node, new ShardId(shard)).Status);
        }
    }

    [Fact]
    public void A_folder_that_was_not_claimed_and_an_address_that_is_taken_are_refused_and_nothing_stays_locked()
    {
        using var folder = new TemporaryFolder();
        var member = NewMember(1);
        var options = Options(member, [member], 1);
        Assert.Throws<ArgumentException>(() => LiveNode.Start(DataFolder.Open(folder["1"]), options, new ListLoggers()));
        using var taken = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        taken.Bind(System.Net.IPEndPoint.Parse(member.PeerAddress));
        taken.Listen();
        var claimed = DataFolder.Open(folder["1"]);
        claimed.Claim(new NodeIdentity(Cluster, member.Id, 1, 5));
        var message = Assert.Throws<IOException>(() => LiveNode.Start(claimed, options, new ListLoggers())).Message;
        Assert.Contains(member.PeerAddress, message, StringComparison.Ordinal);
        DataFolder.Open(folder["1"]).Dispose();
    }

    private static NodeInfo NewMember(int number) => new(
        new NodeId((uint)number),
        new NodeDescription($"n{number}", LiveNetworkHarness.FreeAddress(), "", "", 1, "", "", (ulong)number + 100));

    private static LiveNodeOptions Options(NodeInfo member, ImmutableArray<NodeInfo> members, byte loops) => new()
    {
        PeerListen = member.PeerAddress,
        Node = new NodeOptions
        {
            ClusterId = Cluster,
            Self = member.Id,
            Description = member.Description with { Loops = loops },
            LoopCount = loops,
            Members = members,
            IsFounder = true,
            SegmentBytes = 4 * 1024 * 1024,
        },
    };

    private static LiveNode Start(TemporaryFolder folder, NodeInfo member, ImmutableArray<NodeInfo> members, byte loops = 1)
    {
        var data = DataFolder.Open(folder[member.Name]);
        data.Claim(new NodeIdentity(Cluster, member.Id, loops, member.Description.Incarnation));
        return LiveNode.Start(data, Options(member, members, loops), new ListLoggers());
    }

    private static Response Ask(LiveNode node, ShardId shard = default)
    {
        var sink = new Sink();
        node.Submit(new Request { Kind = RequestKind.Status, Shard = shard }, sink);
        return sink.Answer.Task.WaitAsync(Waiting.Deadline).GetAwaiter().GetResult();
    }

    private sealed class ThrowingSink : IResponseSink
    {
        public const string Words = "a sink must not throw";

        public void Complete(Request request, in Response response) => throw new InvalidOperationException(Words);
    }

    private sealed class Sink : IResponseSink
    {
        public TaskCompletionSource<Response> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Complete(Request request, in Response response) => Answer.SetResult(response);
    }

    private sealed class ListLoggers : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => new ListLogger();

        public void Dispose()
        {
        }
    }
}
