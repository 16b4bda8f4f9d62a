using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Clients;

/// <summary>
/// The way between clients and nodes: a request goes to some loop of some node, and its answer comes back, each after a latency; either
/// may be lost. A node that is not there refuses at once, like a closed port.
/// </summary>
public sealed class ClientNetwork
{
    private readonly SimCluster _cluster;
    private readonly Prng _prng;

    internal ClientNetwork(SimCluster cluster, Prng prng)
    {
        _cluster = cluster;
        _prng = prng;
    }

    /// <summary>How often a request or an answer is lost, in parts per million.</summary>
    public int LossPartsPerMillion { get; set; }

    /// <summary>The shortest way.</summary>
    public Duration LatencyMin { get; set; } = Duration.FromMicroseconds(50);

    /// <summary>The longest way.</summary>
    public Duration LatencyMax { get; set; } = Duration.FromMilliseconds(1);

    /// <summary>Requests that reached a node.</summary>
    public long RequestsDelivered { get; private set; }

    internal void Send(SimNode node, Request request, Action<Response> answered)
    {
        if (IsLost())
        {
            return;
        }

        var loop = _prng.NextInt(0, _cluster.Shape.LoopsPerNode - 1);
        var hash = StableHash.Compute(request.Payload.Span) + request.Identity.Sequence;
        var flight = new RequestInFlight(this, node, loop, request, answered);
        _cluster.Scheduler.Schedule(
            _prng.NextDuration(LatencyMin, LatencyMax), flight, new SimEvent(SimEventKind.Request, node.Id.Value, loop, hash, null));
    }

    private bool IsLost()
    {
        var lost = LossPartsPerMillion > 0 && _prng.Chance(LossPartsPerMillion);
        if (lost)
        {
            _cluster.Ledger.Count(FaultKind.MessageLost);
        }

        return lost;
    }

    private void SendBack(RequestInFlight flight, in Response response)
    {
        if (!IsLost())
        {
            flight.Answer = response;
            var hash = StableHash.Compute(response.Body.Span) + (ulong)response.Status;
            _cluster.Scheduler.Schedule(
                _prng.NextDuration(LatencyMin, LatencyMax), flight, new SimEvent(SimEventKind.Request, 0, -1, hash, null));
        }
    }

    private sealed class RequestInFlight(ClientNetwork network, SimNode node, int loop, Request request, Action<Response> answered)
        : ISimEventTarget, IResponseSink
    {
        private bool _isAnswered;

        public Response Answer { get; set; }

        public void Run(in SimEvent happening)
        {
            if (happening.Argument < 0)
            {
                answered(Answer);
            }
            else if (node.RunningLoop(loop) is not { } running)
            {
                network.SendBack(this, new Response(ResponseStatus.Unavailable, Detail: "connection refused"));
            }
            else if (!running.Incarnation.Withholds(network._cluster.Scheduler, this, happening))
            {
                network.RequestsDelivered++;
                running.Submit(request, this);
            }
        }

        public void Complete(Request completed, in Response response)
        {
            // IResponseSink: exactly once for each request submitted.
            Check.That(!_isAnswered);
            Check.That(ReferenceEquals(completed, request));
            _isAnswered = true;
            network.SendBack(this, response);
        }
    }
}
