using System.Text.Json;
using Atoll.Node.Loops;
using Atoll.Services.Cluster;

namespace Atoll.Gateways.Http;

/// <summary>The cluster's state as JSON, for the HTTP gateway and the command line alike.</summary>
public static class ClusterJson
{
    /// <summary>Writes the status as an object.</summary>
    public static void Write(Utf8JsonWriter writer, ClusterStatus status)
    {
        var view = status.Directory;
        writer.WriteStartObject();
        writer.WriteString("cluster", view.ClusterId.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        writer.WriteString("directoryVersion", RecordJson.Version(view.Version));
        writer.WriteStartArray("nodes");
        foreach (var node in status.Nodes)
        {
            WriteNode(writer, node);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("spaces");
        foreach (var space in view.Spaces)
        {
            RecordJson.Write(writer, space, view.ShardsOf(space.Id).ToArray());
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteEventual(Utf8JsonWriter writer, EventualStatus eventual)
    {
        writer.WriteStartObject("eventual");
        writer.WriteNumber("replicas", eventual.Replicas);
        writer.WriteNumber("rejoining", eventual.Rejoining);
        writer.WriteNumber("coordinated", eventual.Coordinated);
        writer.WriteNumber("exchanges", eventual.Exchanges);
        writer.WriteNumber("exchangesDone", eventual.ExchangesDone);
        writer.WriteNumber("recordsExchanged", eventual.RecordsExchanged);
        writer.WriteNumber("exchangeLagMilliseconds", eventual.ExchangeLagMilliseconds);
        writer.WriteNumber("horizonLagMilliseconds", eventual.HorizonLagMilliseconds);
        writer.WriteStartArray("hints");
        foreach (var hints in eventual.Hints)
        {
            writer.WriteStartObject();
            writer.WriteNumber("node", hints.Peer.Value);
            writer.WriteNumber("hints", hints.Hints);
            writer.WriteNumber("bytes", hints.Bytes);
            writer.WriteNumber("handedOff", hints.HandedOff);
            writer.WriteNumber("dropped", hints.Dropped);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteStore(Utf8JsonWriter writer, StoreStatus store)
    {
        writer.WriteStartObject("store");
        writer.WriteString("state", JsonNamingPolicy.CamelCase.ConvertName(store.Condition.ToString()));
        writer.WriteNumber("diskBytes", store.DiskBytes);
        writer.WriteStartArray("levels");
        foreach (var level in store.Levels)
        {
            writer.WriteStartObject();
            writer.WriteNumber("files", level.Files);
            writer.WriteNumber("bytes", level.Bytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("valueFileBytes", store.ValueFileBytes);
        writer.WriteNumber("valueGarbageBytes", store.ValueGarbageBytes);
        writer.WriteNumber("memtableBytes", store.MemtableBytes);
        writer.WriteNumber("cacheBytes", store.CacheBytes);
        writer.WriteNumber("cacheHitRate", Math.Round(store.CacheHitRate, 4));
        writer.WriteNumber("bytesWritten", store.BytesWritten);
        writer.WriteNumber("flushes", store.Flushes);
        writer.WriteNumber("flushedBytes", store.FlushedBytes);
        writer.WriteNumber("merges", store.Merges);
        writer.WriteNumber("mergedBytes", store.MergedBytes);
        writer.WriteNumber("writeAmplification", Math.Round(store.WriteAmplification, 2));
        writer.WriteNumber("faultsFound", store.FaultsFound);
        writer.WriteStartArray("damaged");
        foreach (var damage in store.Damages)
        {
            writer.WriteStringValue(damage);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("scrub");
        writer.WriteNumber("passBytes", store.Scrub.PassBytes);
        writer.WriteNumber("totalBytes", store.Scrub.TotalBytes);
        writer.WriteNumber("passes", store.Scrub.Passes);
        if (store.Scrub.LastPassMilliseconds >= 0)
        {
            writer.WriteNumber("lastPassMsAgo", store.Scrub.LastPassMilliseconds);
        }

        writer.WriteNumber("damaged", store.Scrub.Damaged);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteNode(Utf8JsonWriter writer, NodeStatus node)
    {
        var description = node.Node.Description;
        writer.WriteStartObject();
        writer.WriteNumber("node", node.Node.Id.Value);
        writer.WriteString("name", description.Name);
        writer.WriteString("peerAddress", description.PeerAddress);
        writer.WriteString("clientAddress", description.ClientAddress);
        writer.WriteString("httpAddress", description.HttpAddress);
        writer.WriteString("region", description.Region);
        writer.WriteString("zone", description.Zone);
        writer.WriteString("standing", JsonNamingPolicy.CamelCase.ConvertName(node.Node.Standing.ToString()));
        writer.WriteString("state", node.Problem is null ? "up" : "unreachable");
        if (node.Problem is not null)
        {
            writer.WriteString("problem", node.Problem);
        }

        writer.WriteStartArray("loops");
        foreach (var loop in node.Loops)
        {
            writer.WriteStartObject();
            writer.WriteNumber("loop", loop.Loop);
            writer.WriteString("directoryVersion", RecordJson.Version(new(loop.DirectoryVersion)));
            writer.WriteNumber("requestsInFlight", loop.RequestsInFlight);
            writer.WriteNumber("requestsServed", loop.RequestsServed);
            writer.WriteNumber("journalBytes", loop.JournalBytes);
            writer.WriteNumber("journalSyncs", loop.JournalSyncs);
            writer.WriteNumber("diskFreeBytes", loop.DiskFreeBytes);
            writer.WriteString("fault", loop.Fault);
            WriteStore(writer, loop.Store);
            WriteEventual(writer, loop.Eventual);
            writer.WriteStartArray("replicas");
            foreach (var replica in loop.Replicas)
            {
                writer.WriteStartObject();
                writer.WriteNumber("shard", replica.Shard.Value);
                writer.WriteString("role", JsonNamingPolicy.CamelCase.ConvertName(replica.Role.ToString()));
                writer.WriteNumber("term", replica.Term.Value);
                writer.WriteNumber("leader", replica.Leader.Value);
                writer.WriteNumber("lastIndex", replica.LastIndex.Value);
                writer.WriteNumber("commitIndex", replica.CommitIndex.Value);
                writer.WriteNumber("appliedIndex", replica.AppliedIndex.Value);
                writer.WriteNumber("durableIndex", replica.DurableIndex.Value);
                writer.WriteNumber("records", replica.Records);
                writer.WriteNumber("stateBytes", replica.StateBytes);
                writer.WriteBoolean("quiescent", replica.Quiescent);
                writer.WriteString("detail", replica.Detail);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
