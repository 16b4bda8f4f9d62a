using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Clients;

/// <summary>
/// The records of one space, for scenarios: each call lets time pass until it ends, and fails the scenario when it does not end well.
/// </summary>
public sealed class ScenarioClient
{
    private readonly SpaceId _space;

    internal ScenarioClient(SimClient client, SpaceId space)
    {
        Client = client;
        _space = space;
    }

    /// <summary>The client below, for calls that may fail.</summary>
    public SimClient Client { get; }

    /// <summary>Talks to that node only from now on; null for any.</summary>
    public ScenarioClient Through(SimNode? node)
    {
        Client.Home = node;
        return this;
    }

    /// <summary>Writes a record; returns its version.</summary>
    public HybridTime Put(string key, string value) => Write(RecordsRequests.Put(_space, key, Encoding.UTF8.GetBytes(value))).Version;

    /// <summary>Writes a record that has the version (zero: that is not there); false when it has not.</summary>
    public bool CompareAndSet(string key, HybridTime expected, string value) =>
        Write(RecordsRequests.Put(_space, key, Encoding.UTF8.GetBytes(value), expected)).Status == RecordsStatus.Ok;

    /// <summary>Removes a record; false when there was none.</summary>
    public bool Delete(string key) => Write(RecordsRequests.Delete(_space, key)).Status == RecordsStatus.Ok;

    /// <summary>Reads a record; null when there is none.</summary>
    public string? Get(string key, ReadLevel level = ReadLevel.Linearizable) => GetWithVersion(key, level)?.Value;

    /// <summary>Reads a record and its version; null when there is none.</summary>
    public (string Value, HybridTime Version)? GetWithVersion(string key, ReadLevel level = ReadLevel.Linearizable)
    {
        var result = Client.CallAndWait(RecordsRequests.Get(_space, key, level));
        CheckOk(result);
        Check.That(RecordsResultCodec.TryReadGet(result.Response.Body, out var get));
        return get.Status == RecordsStatus.Ok ? (Encoding.UTF8.GetString(get.Value.Span), get.Version) : null;
    }

    private void CheckOk(CallResult result)
    {
        if (result.Response.Status != ResponseStatus.Ok)
        {
            throw new CheckFailedException(
                $"the call ended with {result.Response.Status} after {result.Attempts} attempts: {result.Response.Detail}\n"
                + string.Join('\n', Client.Cluster.Log.Lines.TakeLast(60)));
        }
    }

    private WriteResult Write(Request request)
    {
        var result = Client.CallAndWait(request);
        CheckOk(result);
        Check.That(RecordsResultCodec.TryReadWrite(result.Response.Body, out var write));
        return write;
    }
}
