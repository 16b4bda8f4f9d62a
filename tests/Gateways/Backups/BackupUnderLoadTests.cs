using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Atoll.Backups;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Foundation.Time;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Backups;

/// <summary>Backups of three real nodes in this process, while writers run and leaders change: museum, row 45.</summary>
public sealed class BackupUnderLoadTests : IDisposable
{
    private const int Writers = 4;
    private const int AccountsEach = 8;
    private const int Start = 1_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-backup-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_backup_holds_every_write_up_to_its_time_and_none_later_also_while_leaders_change()
    {
        var hosts = new List<NodeHost>();
        try
        {
            var addresses = new List<string>();
            for (var i = 0; i < 3; i++)
            {
                var native = $"127.0.0.1:{FreePort.Next()}";
                addresses.Add(native);
                hosts.Add(await NodeHost.StartAsync(
                    new NodeHostOptions
                    {
                        Node = new EmbeddedNodeOptions
                        {
                            DataFolder = Path.Combine(_folder, $"n{i}"),
                            PeerListen = $"127.0.0.1:{FreePort.Next()}",
                            ClientAddress = native,
                            Name = $"n{i}",
                            Bootstrap = i == 0,
                            Join = i == 0 ? null : new RemoteOptions { Nodes = [addresses[0]] },
                            StoreMemoryBytes = 8 * 1024 * 1024,
                        },
                        NativeEndPoint = System.Net.IPEndPoint.Parse(native),
                    },
                    NullLoggerFactory.Instance,
                    default));
            }

            await using var client = Client(addresses);
            var info = await client.Spaces.CreateAsync(new SpaceOptions("bank", Replicas: 3, ShardCount: 4));
            Assert.Equal(4, info.Options.ShardCount);

            // A table beside the records: left out, and said so.
            await client.Spaces.CreateAsync(new SpaceOptions("town.people", Kind: SpaceKind.Rows));
            var remarks = new List<string>();
            var options = new BackupOptions { To = Path.Combine(_folder, "table"), Spaces = ["town.people"] };
            await Assert.ThrowsAsync<BackupException>(() => new BackupRun(client, options, static _ => { }).RunAsync(default));
            var history = new ConcurrentDictionary<string, ConcurrentQueue<(HybridTime Version, int Balance)>>(StringComparer.Ordinal);
            using var stop = new CancellationTokenSource();
            var started = new CountdownEvent(Writers);
            var writers = Enumerable.Range(0, Writers)
                .Select(writer => TransferAsync(client, writer, history, started, stop.Token)).ToArray();
            while (!started.IsSet)
            {
                await GoingOnAsync(writers);
                await ReadOneAsync(client);
            }

            var shaking = ShakeAsync(client, stop.Token);
            string? basis = null;
            for (var i = 0; i < 5; i++)
            {
                var folder = Path.Combine(_folder, $"backup{i}");
                var run = new BackupRun(
                    client, new BackupOptions { To = folder, Base = basis, SegmentBytes = 256 }, remarks.Add);
                var manifest = await run.RunAsync(default);
                Assert.Equal("bank", Assert.Single(manifest.Spaces).Name);
                Assert.Contains(remarks, static remark => remark.Contains("town.people", StringComparison.Ordinal));
                var time = new HybridTime(ulong.Parse(manifest.Time, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));

                await PassAsync(client, time, history, writers);
                Assert.Null(Difference(RowsOf(folder, manifest), time, history));
                basis = folder;
            }

            Assert.True(await IsCopyWithoutMomentCaughtAsync(client, history, writers));
            await stop.CancelAsync();
            await Task.WhenAll([.. writers, shaking]);
        }
        finally
        {
            foreach (var host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    // The last writes up to the time, as their writers noted them, against what was found.
    private static string? Difference(
        IEnumerable<(string Account, HybridTime Version, string Balance)> rows, HybridTime time,
        ConcurrentDictionary<string, ConcurrentQueue<(HybridTime Version, int Balance)>> history)
    {
        var found = rows.ToDictionary(row => row.Account, row => (row.Version, row.Balance), StringComparer.Ordinal);
        if (found.Count != Writers * AccountsEach)
        {
            return $"{found.Count} accounts";
        }

        var sum = 0;
        var expected = 0;
        foreach (var (account, writes) in history)
        {
            var (version, balance) = writes.Where(write => write.Version <= time).MaxBy(write => write.Version);
            sum += int.Parse(found[account].Balance, CultureInfo.InvariantCulture);
            expected += balance;
            if (found[account] != (version, $"{balance}"))
            {
                return $"{account}: {found[account]} instead of {(version, balance)} at {time}";
            }
        }

        return sum == expected ? null : $"{sum} instead of {expected}";
    }

    private static IEnumerable<(string Account, HybridTime Version, string Balance)> RowsOf(string folder, BackupManifest manifest) =>
        manifest.Segments.SelectMany(new BackupCheck(folder, manifest).Read)
            .Select(row => (Encoding.UTF8.GetString(row.Key.Span), row.Version, Encoding.UTF8.GetString(row.Value.Span)));

    // A writer that has written an account later has noted all that it wrote to it before.
    private static async Task PassAsync(
        AtollClient client, HybridTime time, ConcurrentDictionary<string, ConcurrentQueue<(HybridTime Version, int Balance)>> history,
        Task[] writers)
    {
        while (!history.Values.All(writes => writes.Last().Version > time))
        {
            await GoingOnAsync(writers);
            await ReadOneAsync(client);
        }
    }

    // Nobody waits for a writer that has failed: its failure is the test's.
    private static async Task GoingOnAsync(Task[] writers)
    {
        if (writers.FirstOrDefault(static writer => writer.IsCompleted) is { } ended)
        {
            await ended;
        }
    }

    // The planted bug: every shard as it is when its turn comes. The same comparison must find it.
    private static async Task<bool> IsCopyWithoutMomentCaughtAsync(
        AtollClient client, ConcurrentDictionary<string, ConcurrentQueue<(HybridTime Version, int Balance)>> history, Task[] writers)
    {
        for (var i = 0; i < 200; i++)
        {
            var rows = new List<(string Account, HybridTime Version, string Balance)>();
            var shards = client.Records("bank").Shards;
            foreach (var shard in await shards.ListAsync())
            {
                var page = await shards.ScanAsync(shard, default);
                rows.AddRange(page.Rows.Select(row =>
                    (Encoding.UTF8.GetString(row.Key.Span), row.Version, Encoding.UTF8.GetString(row.Value.Span))));
            }

            var time = rows.Max(row => row.Version);
            await PassAsync(client, time, history, writers);
            if (Difference(rows, time, history) is not null)
            {
                return true;
            }
        }

        return false;
    }

    // Each writer moves money between accounts of its own, which lie in different shards; it knows what it wrote, and under which version.
    private static async Task TransferAsync(
        AtollClient client, int writer, ConcurrentDictionary<string, ConcurrentQueue<(HybridTime Version, int Balance)>> history,
        CountdownEvent started, CancellationToken stop)
    {
        var random = new Foundation.Randomness.Prng((ulong)writer + 1);
        var balances = new int[AccountsEach];
        for (var account = 0; account < AccountsEach; account++)
        {
            await WriteAsync(account, Start);
        }

        started.Signal();
        while (!stop.IsCancellationRequested)
        {
            var from = random.NextInt(0, AccountsEach - 1);
            var to = (from + random.NextInt(1, AccountsEach - 1)) % AccountsEach;
            var amount = random.NextInt(1, 100);
            await WriteAsync(from, balances[from] - amount);
            await WriteAsync(to, balances[to] + amount);
        }

        async Task WriteAsync(int account, int balance)
        {
            balances[account] = balance;
            var key = $"writer {writer} account {account}";
            var version = await client.Records("bank").PutAsync(
                Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{balance}"), cancellationToken: CancellationToken.None);
            history.GetOrAdd(key, static _ => new()).Enqueue((version, balance));
        }
    }

    // A round trip: what time is measured in here.
    private static async Task ReadOneAsync(AtollClient client) => await client.Records("bank").GetAsync("some key"u8.ToArray());

    private static async Task ShakeAsync(AtollClient client, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var shards = (await client.Spaces.DescribeAsync("bank", CancellationToken.None)).Shards;
            var shard = shards[i % shards.Count];
            try
            {
                await client.Cluster.TransferLeadershipAsync(shard.Id, shard.Replicas[i / shards.Count % 3], stop);
                for (var read = 0; read < 40; read++)
                {
                    await ReadOneAsync(client);
                }
            }
            catch (Exception error) when (error is OperationCanceledException or Services.Errors.AtollException)
            {
                // Leaders change anyway, or it is over.
            }
        }
    }

    private static AtollClient Client(IReadOnlyList<string> addresses)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(new RemoteOptions { Nodes = [.. addresses] }, clock);
        var retries = new RetryPolicy { DefaultTimeout = TimeSpan.FromSeconds(30) };
        return new AtollClient(port, new CallerOptions { Clock = clock, Retries = retries }, port, port);
    }
}
