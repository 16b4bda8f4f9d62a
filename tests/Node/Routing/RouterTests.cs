using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Requests;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Node.Tests.Routing;

/// <summary>What a router says of a write that it tried in two places.</summary>
public sealed class RouterTests : INetwork, ILocalReplicas, IResponseSink
{
    private static readonly NodeId Self = new(1);
    private static readonly NodeId Other = new(2);
    private static readonly Request Write = new()
    {
        Kind = RequestKind.Write, Shard = ShardId.Directory, Identity = new RequestIdentity(7, 1, 1, new HybridTime(1)),
    };

    private readonly Router _router;
    private readonly List<Response> _answers = [];
    private ResponseStatus _answerHere;

    public RouterTests()
    {
        var options = new NodeOptions { ClusterId = 1, Self = Self, Description = DescriptionOf(Self), Members = [Of(Self), Of(Other)] };
        var liveness = new PeerLiveness(Duration.FromSeconds(1));
        var directory = new DirectoryFollower(options, this, liveness, new ViewFile(null!), NullLogger.Instance);
        _router = new Router(options, new PeerOutbox(this, (_, _, _) => { }), liveness, directory, this, null, At(0));
        directory.Start(_router, At(0));
    }

    [Theory]
    [InlineData(ResponseStatus.RequestExpired, ResponseStatus.OutcomeUnknown)] // else its client would issue it anew: a second effect
    [InlineData(ResponseStatus.Overloaded, ResponseStatus.OutcomeUnknown)]
    [InlineData(ResponseStatus.DiskFull, ResponseStatus.OutcomeUnknown)]
    [InlineData(ResponseStatus.Ok, ResponseStatus.Ok)]
    [InlineData(ResponseStatus.Invalid, ResponseStatus.Invalid)]
    public void A_refusal_here_says_nothing_about_an_attempt_elsewhere(ResponseStatus here, ResponseStatus told)
    {
        _answerHere = here;
        _router.NoteLeader(ShardId.Directory, Other);
        _router.Submit(Write, this, At(0));
        _router.PeerLost(Other, At(100));
        _router.NoteLeader(ShardId.Directory, Self);
        Assert.Empty(_answers);
        _router.Tick(At(1_000));
        Assert.Equal(told, Assert.Single(_answers).Status);
    }

    [Theory]
    [InlineData(ResponseStatus.RequestExpired)]
    [InlineData(ResponseStatus.Overloaded)]
    public void A_refusal_of_the_only_attempt_is_believed(ResponseStatus here)
    {
        _answerHere = here;
        _router.NoteLeader(ShardId.Directory, Self);
        _router.Submit(Write, this, At(0));
        Assert.Equal(here, Assert.Single(_answers).Status);
    }

    bool ILocalReplicas.Has(ShardId shard) => true;

    void ILocalReplicas.Take(PendingRequest pending) => _router.Complete(pending, new Response(_answerHere));

    Response ILocalReplicas.AnswerLocally(Request request) => default;

    void IResponseSink.Complete(Request request, in Response response) => _answers.Add(response);

    void INetwork.SetPeer(NodeId peer, string address)
    {
    }

    void INetwork.RemovePeer(NodeId peer)
    {
    }

    SendOutcome INetwork.Send(LoopAddress to, Lane lane, ReadOnlySpan<byte> message) => SendOutcome.Queued;

    long INetwork.QueuedBytes(NodeId peer, Lane lane) => 0;

    private static NodeInfo Of(NodeId node) => new(node, DescriptionOf(node));

    private static NodeDescription DescriptionOf(NodeId node) => new($"n{node.Value}", "", "", "", 1, "", "", 1);

    private static Instant At(long milliseconds) => Instant.FromMilliseconds(milliseconds);
}
