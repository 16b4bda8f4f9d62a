using System.Globalization;
using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>A client whose every call and answer goes into the scene's history. Values are numbers, each written once.</summary>
internal sealed class Witness
{
    private readonly Scene _scene;

    public Witness(Scene scene, int number, SimNode? home)
    {
        _scene = scene;
        Number = number;
        Client = scene.Cluster.NewClient();
        Client.Home = home;
    }

    public int Number { get; }

    public SimClient Client { get; }

    public Duration Patience
    {
        set => Client.Patience = value;
    }

    /// <summary>How many digits its values have, with zeros in front: for values that are stored in other ways than short ones.</summary>
    public int Digits { get; set; } = 1;

    /// <summary>What its last write was told in the end.</summary>
    public Response LastAnswer { get; private set; }

    private Instant Now => _scene.Cluster.Scheduler.Now;

    /// <summary>Writes, and waits for the end.</summary>
    public OperationOutcome Put(string key, long value, ulong? expected = null)
    {
        var put = BeginPut(key, value, expected);
        Wait(put);
        return put.Operation.Outcome;
    }

    /// <summary>Writes; the end comes later.</summary>
    public Call BeginPut(string key, long value, ulong? expected = null)
    {
        var operation = _scene.History.Invoke(Number, Now, new Step(StepKind.Put, key, value, expected));
        var call = new Call(operation);
        var condition = expected is { } version ? new HybridTime(version) : (HybridTime?)null;
        var bytes = Encoding.UTF8.GetBytes(value.ToString($"D{Digits}", CultureInfo.InvariantCulture));
        Client.Call(RecordsRequests.Put(_scene.Space, key, bytes, condition), result =>
        {
            call.IsOver = true;
            LastAnswer = result.Response;
            if (result.Response.Status == ResponseStatus.Ok && RecordsResultCodec.TryReadWrite(result.Response.Body, out var write))
            {
                var outcome = write.Status == RecordsStatus.Conflict ? OperationOutcome.Conflict : OperationOutcome.Ok;
                _scene.History.Return(operation, Now, outcome, write.Version.Value);
            }
            else
            {
                var outcome = result.MayHaveTakenEffect ? OperationOutcome.Unknown : OperationOutcome.Refused;
                _scene.History.Return(operation, Now, outcome);
            }
        });
        return call;
    }

    /// <summary>Reads, and waits for the end; null when there was no answer, 0 when there is no record.</summary>
    public (long Value, ulong Version)? Get(string key)
    {
        var operation = _scene.History.Invoke(Number, Now, new Step(StepKind.Get, key));
        var call = new Call(operation);
        (long Value, ulong Version)? seen = null;
        Client.Call(RecordsRequests.Get(_scene.Space, key), result =>
        {
            call.IsOver = true;
            if (result.Response.Status == ResponseStatus.Ok && RecordsResultCodec.TryReadGet(result.Response.Body, out var get))
            {
                seen = get.Status == RecordsStatus.Ok
                    ? (long.Parse(Encoding.UTF8.GetString(get.Value.Span), CultureInfo.InvariantCulture), get.Version.Value)
                    : (0, 0);
                _scene.History.ReturnRead(operation, Now, new Observation(seen.Value.Value, seen.Value.Version));
            }
        });
        Wait(call);
        return seen;
    }

    public void Wait(Call call) => Check.That(_scene.Cluster.RunUntil(() => call.IsOver, Client.Patience + Duration.FromSeconds(10)));

    internal sealed class Call(Operation operation)
    {
        public Operation Operation { get; } = operation;

        public bool IsOver { get; set; }
    }
}
