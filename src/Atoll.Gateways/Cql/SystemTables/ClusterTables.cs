using System.Globalization;
using System.Net;
using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.Topology;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>
/// What drivers read of keyspace "system": the node that they ask, and the others. The columns are Cassandra 4.0's, as far as drivers look
/// at them.
/// </summary>
internal static class ClusterTables
{
    private const string Keyspace = "system";

    private static readonly CqlType TextSet = new SetType(CqlTypes.Text, true);

    public static IEnumerable<IVirtualTable> All(Func<CqlTopology> topology, ITables tables, PreparedStatements prepared)
    {
        yield return Local(topology, tables);
        yield return Peers(topology, tables);
        yield return PeersV2(topology, tables);
        yield return new SystemTable(
            Keyspace, "size_estimates",
            [
                ("keyspace_name", CqlTypes.Text), ("table_name", CqlTypes.Text), ("range_start", CqlTypes.Text),
                ("range_end", CqlTypes.Text), ("mean_partition_size", CqlTypes.Bigint), ("partitions_count", CqlTypes.Bigint),
            ],
            1, 3, () => []); // nothing is known of sizes by range
        yield return new SystemTable(
            Keyspace, "prepared_statements",
            [("prepared_id", CqlTypes.Blob), ("logged_keyspace", CqlTypes.Text), ("query_string", CqlTypes.Text)],
            1, 0, () => prepared.All().Select(statement => SystemRow.Of(
                ("prepared_id", statement.Id), ("logged_keyspace", SystemValues.Text(statement.Keyspace ?? "")),
                ("query_string", SystemValues.Text(statement.Query)))));
    }

    private static SystemTable Local(Func<CqlTopology> topology, ITables tables) => new(
        Keyspace, "local",
        [
            ("key", CqlTypes.Text), ("bootstrapped", CqlTypes.Text), ("broadcast_address", CqlTypes.Inet),
            ("broadcast_port", CqlTypes.Int), ("cluster_name", CqlTypes.Text), ("cql_version", CqlTypes.Text),
            ("data_center", CqlTypes.Text), ("gossip_generation", CqlTypes.Int), ("host_id", CqlTypes.Uuid),
            ("listen_address", CqlTypes.Inet), ("listen_port", CqlTypes.Int), ("native_protocol_version", CqlTypes.Text),
            ("partitioner", CqlTypes.Text), ("rack", CqlTypes.Text), ("release_version", CqlTypes.Text), ("rpc_address", CqlTypes.Inet),
            ("rpc_port", CqlTypes.Int), ("schema_version", CqlTypes.Uuid), ("tokens", TextSet),
        ],
        1, 0, () =>
        {
            var (name, local, _) = topology();
            return
            [
                SystemRow.Of(
                    ("key", SystemValues.Text("local")), ("bootstrapped", SystemValues.Text("COMPLETED")),
                    ("broadcast_address", SystemValues.Inet(BroadcastOf(local))), ("broadcast_port", SystemValues.Int(local.Peer.Port)),
                    ("cluster_name", SystemValues.Text(name)), ("cql_version", SystemValues.Text(CqlProtocol.LanguageVersion)),
                    ("data_center", SystemValues.Text(local.DataCenter)), ("gossip_generation", SystemValues.Int(1)),
                    ("host_id", SystemValues.Uuid(local.HostId)), ("listen_address", SystemValues.Inet(BroadcastOf(local))),
                    ("listen_port", SystemValues.Int(local.Peer.Port)),
                    ("native_protocol_version",
                        SystemValues.Text(((int)CqlProtocol.VersionMax).ToString(CultureInfo.InvariantCulture))),
                    ("partitioner", SystemValues.Text("org.apache.cassandra.dht.Murmur3Partitioner")),
                    ("rack", SystemValues.Text(local.Rack)), ("release_version", SystemValues.Text(CqlProtocol.ReleaseVersion)),
                    ("rpc_address", SystemValues.Inet(local.Native.Address)), ("rpc_port", SystemValues.Int(local.Native.Port)),
                    ("schema_version", SystemValues.Uuid(tables.Schema.Version)), ("tokens", SystemValues.TextSet(local.Tokens))),
            ];
        });

    private static SystemTable Peers(Func<CqlTopology> topology, ITables tables) => new(
        Keyspace, "peers",
        [
            ("peer", CqlTypes.Inet), ("data_center", CqlTypes.Text), ("host_id", CqlTypes.Uuid), ("preferred_ip", CqlTypes.Inet),
            ("rack", CqlTypes.Text), ("release_version", CqlTypes.Text), ("rpc_address", CqlTypes.Inet),
            ("schema_version", CqlTypes.Uuid), ("tokens", TextSet),
        ],
        1, 0, () => topology().Peers.DistinctBy(peer => BroadcastOf(peer)).Select(peer => SystemRow.Of(
            ("peer", SystemValues.Inet(BroadcastOf(peer))), ("data_center", SystemValues.Text(peer.DataCenter)),
            ("host_id", SystemValues.Uuid(peer.HostId)), ("rack", SystemValues.Text(peer.Rack)),
            ("release_version", SystemValues.Text(CqlProtocol.ReleaseVersion)), ("rpc_address", SystemValues.Inet(peer.Native.Address)),
            ("schema_version", SystemValues.Uuid(tables.Schema.Version)), ("tokens", SystemValues.TextSet(peer.Tokens)))));

    private static SystemTable PeersV2(Func<CqlTopology> topology, ITables tables) => new(
        Keyspace, "peers_v2",
        [
            ("peer", CqlTypes.Inet), ("peer_port", CqlTypes.Int), ("data_center", CqlTypes.Text), ("host_id", CqlTypes.Uuid),
            ("native_address", CqlTypes.Inet), ("native_port", CqlTypes.Int), ("preferred_ip", CqlTypes.Inet),
            ("preferred_port", CqlTypes.Int), ("rack", CqlTypes.Text), ("release_version", CqlTypes.Text),
            ("schema_version", CqlTypes.Uuid), ("tokens", TextSet),
        ],
        1, 1, () => topology().Peers.Select(peer => SystemRow.Of(
            ("peer", SystemValues.Inet(BroadcastOf(peer))), ("peer_port", SystemValues.Int(peer.Peer.Port)),
            ("data_center", SystemValues.Text(peer.DataCenter)), ("host_id", SystemValues.Uuid(peer.HostId)),
            ("native_address", SystemValues.Inet(peer.Native.Address)), ("native_port", SystemValues.Int(peer.Native.Port)),
            ("rack", SystemValues.Text(peer.Rack)), ("release_version", SystemValues.Text(CqlProtocol.ReleaseVersion)),
            ("schema_version", SystemValues.Uuid(tables.Schema.Version)), ("tokens", SystemValues.TextSet(peer.Tokens)))));

    private static IPAddress BroadcastOf(CqlNode node) => node.Peer.Address;
}
