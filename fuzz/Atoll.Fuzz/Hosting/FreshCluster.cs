using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Records;
using Atoll.Services.Spaces;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Subscriptions;
using Atoll.StateMachines.Directory;

namespace Atoll.Fuzz.Hosting;

/// <summary>
/// A client of a cluster without consensus that can be made anew: each input meets the same cluster, with a space "s" and two records, a
/// topic "t" with one that has a subscription "s" and is fed from the space by "f", and not what earlier inputs left.
/// </summary>
internal sealed class FreshCluster : IAtollClient
{
    private AtollClient _client = null!;

    public FreshCluster() => Renew();

    /// <inheritdoc />
    public ISpaces Spaces => _client.Spaces;

    /// <inheritdoc />
    public ICluster Cluster => _client.Cluster;

    /// <inheritdoc />
    public IStreams Streams => _client.Streams;

    /// <inheritdoc />
    public IGroups Groups => _client.Groups;

    /// <inheritdoc />
    public IQuotas Quotas => _client.Quotas;

    /// <inheritdoc />
    public ISubscriptions Subscriptions => _client.Subscriptions;

    /// <inheritdoc />
    public IFeeds Feeds => _client.Feeds;

    /// <inheritdoc />
    public IRecords Records(string space) => _client.Records(space);

    /// <summary>Forgets everything.</summary>
    public void Renew()
    {
        var time = new ManualTime();
        _client = new AtollClient(new MachinePort(), new CallerOptions
        {
            Clock = new ServerClock(time),
            Retries = new RetryPolicy { AttemptsMax = 2 },
            InlineContinuations = true,
        });
        Done(_client.Spaces.CreateAsync(new SpaceOptions("s")).AsTask());
        var topic = _client.Streams.CreateAsync(new TopicCreation("t", 2, null, TopicSettings.Default)).AsTask().GetAwaiter().GetResult();
        Done(TopicAppend.AppendAsync(
            _client.Streams, topic, [new RecordToAppend(0, 0, null, "v"u8.ToArray(), [])], null, TimeSpan.FromSeconds(1), time).AsTask());
        Done(_client.Subscriptions.CreateAsync(new Subscription { Name = "s", Topic = "t", Url = "http://h/" }).AsTask());
        Done(_client.Feeds.CreateAsync("f", "s", "t").AsTask());
        Done(_client.Records("s").PutAsync("k"u8.ToArray(), "v"u8.ToArray()).AsTask());
        Done(_client.Records("s").PutAsync(new byte[] { 0, 0xFF, (byte)'/' }, new byte[] { 0xC0, 0 }).AsTask());
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static void Done(Task task) => task.GetAwaiter().GetResult();
}
