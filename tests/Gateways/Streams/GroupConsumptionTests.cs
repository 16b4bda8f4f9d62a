using System.Globalization;
using System.Text;
using Atoll.Client.Hosting;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Streams;

/// <summary>Topics read by the members of a group, record by record; a node in this process, whose coordinator keeps time.</summary>
public sealed class GroupConsumptionTests : IAsyncLifetime
{
    private const int Partitions = 4;

    private static readonly GroupReaderOptions Options = new() { Session = TimeSpan.FromSeconds(6) };

    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-consume-").FullName;
    private EmbeddedNode _node = null!;
    private AtollClient _client = null!;
    private Topic _topic = null!;
    private int _sent;

    public async ValueTask InitializeAsync()
    {
        _node = await EmbeddedNode.StartAsync(
            new EmbeddedNodeOptions
            {
                DataFolder = _folder, PeerListen = $"127.0.0.1:{FreePort.Next()}", ClientAddress = $"127.0.0.1:{FreePort.Next()}",
                Name = "a", Bootstrap = true,
            },
            NullLoggerFactory.Instance, default);
        _client = new AtollClient(_node.Live, new CallerOptions { Clock = new ServerClock(TimeProvider.System) });
        _topic = await _client.Streams.CreateAsync(new TopicCreation("t", Partitions, 1, TopicSettings.Default));
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Who_reads_next_goes_on_behind_what_was_acknowledged()
    {
        await SendAsync(100);
        var first = await TakeAsync(60, commits: true);
        var second = await TakeAsync(40, commits: false);
        var third = await TakeAsync(40, commits: true);
        Assert.Equal(Enumerable.Range(0, 100), first.Concat(second).Order());
        Assert.Equal(second.Order(), third.Order());
        await SendAsync(1);
        Assert.Equal([100], await TakeAsync(1, commits: true));
    }

    [Fact]
    public async Task A_member_that_comes_gets_its_share_and_what_is_acknowledged_is_given_to_nobody_again()
    {
        var got = new List<(int Member, int Value, bool IsCommitted)>();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var caughtUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = ReadAsync(0);
        await SendAllAsync(100, first);
        var second = ReadAsync(1);

        // One goes on reading while the other one joins, and then each has its own.
        while (!IsGiven(member: 1))
        {
            await SendAllAsync(Partitions, first, second);
        }

        await SendAllAsync(200, first, second);
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        var committed = got.Where(static each => each.IsCommitted).Select(static each => each.Value).ToList();
        Assert.Equal(Enumerable.Range(0, _sent), committed.Order());

        // Until all that was sent is acknowledged, or a member fails.
        async Task SendAllAsync(int count, params Task[] members)
        {
            Task reached;
            lock (got)
            {
                caughtUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                reached = caughtUp.Task;
            }

            await SendAsync(count);
            lock (got)
            {
                Look();
            }

            await (await Task.WhenAny([reached, .. members]).WaitAsync(ending.Token));
        }

        void Look() => _ = got.Where(static each => each.IsCommitted).DistinctBy(static each => each.Value).Count() == _sent
            && caughtUp.TrySetResult();

        bool IsGiven(int member)
        {
            lock (got)
            {
                return got.Exists(each => each.Member == member);
            }
        }

        async Task ReadAsync(int member)
        {
            await foreach (var given in _client.ConsumeAsync(_topic, "g", Options, ending.Token))
            {
                var isCommitted = await given.CommitAsync(ending.Token);
                lock (got)
                {
                    got.Add((member, ValueOf(given), isCommitted));
                    Look();
                }
            }
        }
    }

    private static int ValueOf(GroupRecord given) =>
        int.Parse(Encoding.UTF8.GetString(given.Record.Value!.Value.Span), CultureInfo.InvariantCulture);

    private async Task SendAsync(int count)
    {
        await using var producer = _client.Streams.Producer(_topic);
        for (var i = 0; i < count; i++, _sent++)
        {
            var value = Encoding.UTF8.GetBytes(_sent.ToString(CultureInfo.InvariantCulture));
            await producer.Writer.WriteAsync(new RecordToAppend(null, value) { Partition = _sent % Partitions });
        }

        await producer.FlushAsync();
    }

    private async Task<List<int>> TakeAsync(int count, bool commits)
    {
        var values = new List<int>();
        await foreach (var given in _client.ConsumeAsync(_topic, "g", Options, TestContext.Current.CancellationToken))
        {
            Assert.True(!commits || await given.CommitAsync());
            values.Add(ValueOf(given));
            if (values.Count == count)
            {
                break;
            }
        }

        return values;
    }
}
