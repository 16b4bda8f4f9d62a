using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.SystemTables;
using Atoll.Gateways.Cql.Topology;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>The cluster as drivers see it: nodes, addresses, tokens, and what they are told when it changes.</summary>
public sealed class CqlTopologyTests
{
    private static readonly CqlSelf Self = new(new NodeId(2), IPEndPoint.Parse("127.0.0.2:9042"), 4600);

    [Fact]
    public async Task Every_node_has_its_addresses_and_an_identity_of_its_own()
    {
        var topology = CqlTopology.Of(await ViewAsync(), Self, Resolve);
        Assert.Equal("127.0.0.2:9042", topology.Local.Native.ToString());
        Assert.Equal(["127.0.0.1:9042", "127.0.0.3:9042"], topology.Peers.Select(peer => peer.Native.ToString()));
        Assert.Equal(["127.0.0.1:4601", "127.0.0.3:4601"], topology.Peers.Select(peer => peer.Peer.ToString()));
        Assert.Equal(("datacenter1", "rack1"), (topology.Local.DataCenter, topology.Local.Rack));
        var hosts = topology.Peers.Append(topology.Local).Select(node => node.HostId).ToArray();
        Assert.Equal(3, hosts.Distinct().Count());

        // Another node says the same of all of them.
        var other = CqlTopology.Of(await ViewAsync(), new CqlSelf(new NodeId(1), IPEndPoint.Parse("127.0.0.1:9042"), 4600), Resolve);
        Assert.Equal(topology.Local.HostId, other.Peers[0].HostId);
        Assert.Equal(topology.Local.Tokens, other.Peers[0].Tokens);
    }

    [Fact]
    public async Task Nodes_that_share_a_machine_are_told_apart_by_their_ports()
    {
        var self = new CqlSelf(new NodeId(2), IPEndPoint.Parse("127.0.0.2:9062"), 4620);
        var topology = CqlTopology.Of(await ViewAsync(), self, Resolve);
        Assert.All(topology.Peers, peer => Assert.Equal(9042, peer.Native.Port)); // 4600 is 20 before 4620
    }

    [Fact]
    public async Task A_node_whose_name_has_no_address_is_left_out_and_one_without_a_directory_knows_itself()
    {
        var topology = CqlTopology.Of(await ViewAsync(), Self, host => host.EndsWith('3') ? null : Resolve(host));
        Assert.Equal([new NodeId(1)], topology.Peers.Select(peer => peer.Id));
        var alone = CqlTopology.Of(DirectoryView.Empty, Self, Resolve);
        Assert.Empty(alone.Peers);
        Assert.Equal(Self.Native, alone.Local.Native);
        Assert.NotEmpty(alone.Local.Tokens);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(8)]
    public async Task Every_node_has_tokens_and_a_shards_last_token_belongs_to_its_leader(int shards)
    {
        var view = await ViewAsync(shards);
        var ring = TokenRing.Of(view);
        Assert.Equal(3, ring.Count);
        Assert.All(ring.Values, tokens => Assert.NotEmpty(tokens));
        Assert.Equal(ring.Values.Sum(tokens => tokens.Length), ring.Values.SelectMany(tokens => tokens).Distinct().Count());
        if (shards > 0)
        {
            Assert.True(view.TryGetSpace("ks.t", out var space));
            foreach (var shard in view.ShardsOf(space.Id))
            {
                var token = unchecked((long)(shard.HashHigh ^ (1UL << 63))).ToString(CultureInfo.InvariantCulture);
                Assert.Contains(token, ring[shard.PreferredLeader]);
            }
        }
    }

    [Fact]
    public async Task Drivers_are_told_when_a_node_goes_down_and_comes_up()
    {
        // Nodes 1 and 3 listen on a port of the system's choice; node 2 watches.
        using var first = Listen("127.0.0.1", 0);
        var port = ((IPEndPoint)first.LocalEndpoint).Port;
        var third = Listen("127.0.0.3", port);
        var view = await ViewAsync();
        var time = new ManualTime();
        using var watch = new CqlTopologyWatch(
            () => view, new CqlSelf(new NodeId(2), new IPEndPoint(IPAddress.Parse("127.0.0.2"), port), 4600), time);
        var told = new List<CqlEvent>();
        var more = new SemaphoreSlim(0);
        watch.Changed = happened =>
        {
            told.Add(happened);
            more.Release();
        };
        await watch.StartAsync(default);
        third.Dispose();
        await ToldAsync();
        third = Listen("127.0.0.3", port);
        await ToldAsync();
        third.Dispose();
        await watch.StopAsync(default);
        var node = new IPEndPoint(IPAddress.Parse("127.0.0.3"), port);
        Assert.Equal([new StatusChangeEvent(node, IsUp: false), new StatusChangeEvent(node, IsUp: true)], told);

        async Task ToldAsync()
        {
            for (var looks = 0; !await more.WaitAsync(TimeSpan.FromMilliseconds(100)); looks++)
            {
                Assert.True(looks < 300, "nothing is told");
                time.Advance(TimeSpan.FromSeconds(1));
            }
        }
    }

    [Fact]
    public async Task The_systems_tables_have_what_drivers_ask_for()
    {
        var tables = new FakeTables();
        var topology = CqlTopology.Of(await ViewAsync(), Self, Resolve);
        SystemKeyspaces.Register(tables, () => topology, new PreparedStatements(1), new StatementTraces());
        var local = Row(tables, "system", "local").Single();
        Assert.Equal(("local", "COMPLETED", "4.0.11"), (Text(local["key"]), Text(local["bootstrapped"]), Text(local["release_version"])));
        Assert.Equal(IPAddress.Parse("127.0.0.2").GetAddressBytes(), local["rpc_address"]!.Value.ToArray());
        Assert.DoesNotContain(local, column => column.Value is null);
        var peers = Row(tables, "system", "peers_v2").ToArray();
        Assert.Equal([9042, 9042], peers.Select(peer => BinaryPrimitives.ReadInt32BigEndian(peer["native_port"]!.Value.Span)));
        Assert.Equal(2, Row(tables, "system", "peers").Count());
        Assert.Empty(Row(tables, "system_traces", "sessions"));
        Assert.Empty(Row(tables, "system_auth", "roles"));
    }

    [Fact]
    public void A_traces_id_is_a_time_based_UUID_and_never_given_twice()
    {
        var traces = new StatementTraces(2);
        var now = DateTimeOffset.UnixEpoch.AddDays(20_000);
        var ids = Enumerable.Range(0, 1000).Select(_ => traces.NewId(now)).ToArray();
        Assert.Equal(1000, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Equal((1, 0b10), (id.Version, id.ToByteArray(bigEndian: true)[8] >> 6)));
    }

    private static IEnumerable<Dictionary<string, ReadOnlyMemory<byte>?>> Row(FakeTables tables, string keyspace, string name)
    {
        var table = tables.Registered.Single(table => table.Definition.Keyspace == keyspace && table.Definition.Name == name);
        return table.Rows().Select(row => table.Definition.Columns.Zip(row).ToDictionary(pair => pair.First.Name, pair => pair.Second));
    }

    private static string Text(ReadOnlyMemory<byte>? value) => Encoding.UTF8.GetString(value!.Value.Span);

    private static IPAddress? Resolve(string host) => IPAddress.TryParse(host, out var address) ? address : null;

    private static TcpListener Listen(string address, int port)
    {
        var listener = new TcpListener(IPAddress.Parse(address), port);
        listener.Start();
        return listener;
    }

    /// <summary>Three nodes, and a table of so many shards.</summary>
    private static async Task<DirectoryView> ViewAsync(int shards = 0)
    {
        await using var client = new AtollClient(
            new MachinePort(), new CallerOptions { Clock = new ServerClock(new ManualTime()) });
        if (shards > 0)
        {
            await client.Spaces.CreateAsync(new SpaceOptions("ks.t", ShardCount: shards));
            await client.Spaces.CreateAsync(new SpaceOptions("no table", ShardCount: 16));
        }

        return await client.Cluster.DirectoryAsync();
    }
}
