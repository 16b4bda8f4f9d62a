using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Clients;

/// <summary>One call of a client, over all its attempts.</summary>
internal sealed class ClientCall : ISimEventTarget
{
    private readonly SimClient _client;
    private readonly Action<CallResult> _done;
    private readonly ShardId _shard;
    private Request _request;
    private Instant _giveUpAt;
    private SimNode? _hinted;
    private int _attempts;
    private int _answeredAttempt;
    private bool _isOver;
    private bool _mayHaveTakenEffect;
    private Response _last = new(ResponseStatus.OutcomeUnknown, Detail: "no answer came");

    public ClientCall(SimClient client, Request request, Action<CallResult> done)
    {
        _client = client;
        _done = done;
        _request = request;
        _shard = request.Shard != ShardId.None ? request.Shard : ShardOf(client.Cluster, request);
    }

    private bool IsWrite => _request.Kind == RequestKind.Write;

    private Scheduler Scheduler => _client.Cluster.Scheduler;

    public void Begin()
    {
        _giveUpAt = Scheduler.Now + _client.Patience;
        Identify();
        Attempt();
    }

    // Argument: the number of the attempt whose time is over, negative to make the next one.
    public void Run(in SimEvent happening)
    {
        if (_isOver || Math.Abs(happening.Argument) != _attempts || happening.Argument == _answeredAttempt)
        {
            return;
        }

        if (happening.Argument > 0)
        {
            _mayHaveTakenEffect |= IsWrite;
            _last = new Response(ResponseStatus.OutcomeUnknown, Detail: "no answer came in time");
        }

        AttemptAgain();
    }

    private void AttemptAgain()
    {
        if (_mayHaveTakenEffect && !_client.RetriesUnknownOutcomes)
        {
            End(_last);
            return;
        }

        Attempt();
    }

    private static ShardId ShardOf(SimCluster cluster, Request request) =>
        cluster.Directory.TryGetShard(request.Space, request.RoutingHash, out var shard) ? shard.Id : ShardId.None;

    private void Identify()
    {
        if (IsWrite && _client.IdentifiesWrites)
        {
            _request = _request with { Identity = _client.NewIdentity(_shard) };
        }
    }

    private void Attempt()
    {
        if (Scheduler.Now >= _giveUpAt)
        {
            End(_last);
            return;
        }

        var attempt = ++_attempts;
        var node = _client.Home ?? _hinted ?? _client.Prng.Pick(_client.Cluster.Nodes);
        _hinted = null;
        var timeout = Duration.FromMilliseconds(Math.Max(1, Math.Min(
            _client.AttemptTimeout.Milliseconds, (_giveUpAt - Scheduler.Now).Milliseconds)));
        _client.Cluster.ClientNetwork.Send(node, _request with { Timeout = timeout }, response => Answered(attempt, response));
        Scheduler.Schedule(timeout + Duration.FromMilliseconds(20), this, new SimEvent(SimEventKind.Client, 0, attempt, _client.Id, null));
    }

    private void Answered(int attempt, in Response response)
    {
        if (_isOver)
        {
            return;
        }

        _client.Saw(_shard, response.AppliedVersion);
        if (response.Status == ResponseStatus.Ok)
        {
            End(response);
            return;
        }

        // A full disk refuses one copy of a doubled request while another waits for room, and is taken when there is some.
        if (response.Status is ResponseStatus.OutcomeUnknown or ResponseStatus.Faulted or ResponseStatus.DiskFull)
        {
            _mayHaveTakenEffect |= IsWrite;
        }

        if (attempt != _attempts)
        {
            return;
        }

        _last = response;
        _answeredAttempt = attempt;
        if (response.Status == ResponseStatus.RequestExpired && !_mayHaveTakenEffect)
        {
            // Not applied, and it never will be: its clock was too far from the shard's. The answer has told the shard's.
            _client.BeginAnew(_shard);
            Identify();
        }
        else if (response.Status.IsFinal() && response.Status != ResponseStatus.Faulted)
        {
            End(response);
            return;
        }

        if (_mayHaveTakenEffect && !_client.RetriesUnknownOutcomes)
        {
            End(response);
            return;
        }

        _hinted = response.LeaderHint != NodeId.None && response.LeaderHint.Value <= _client.Cluster.Nodes.Count
            ? _client.Cluster.Node((int)response.LeaderHint.Value)
            : null;
        var wait = _client.Prng.NextDuration(Duration.FromMilliseconds(5), Duration.FromMilliseconds(100)) + response.RetryAfter;
        Scheduler.Schedule(wait, this, new SimEvent(SimEventKind.Client, 0, -attempt, _client.Id, null));
    }

    private void End(in Response response)
    {
        _isOver = true;
        if (IsWrite)
        {
            _client.Close(_shard, _request.Identity);
            if (response.Status == ResponseStatus.RequestExpired)
            {
                // Times of issue never go back within a stream: the next request of this one would be refused as well.
                _client.BeginAnew(_shard);
            }
        }

        _done(new CallResult(response, _mayHaveTakenEffect && response.Status != ResponseStatus.Ok, _attempts)
        {
            HasUncertainAttempt = _mayHaveTakenEffect,
        });
    }
}
