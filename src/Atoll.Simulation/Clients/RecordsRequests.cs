using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Clients;

/// <summary>The requests of a client of records.</summary>
public static class RecordsRequests
{
    /// <summary>Writes a record.</summary>
    public static Request Put(SpaceId space, string key, ReadOnlySpan<byte> value, HybridTime? expected = null, long timeToLiveMs = 0)
    {
        var writer = new WireWriter(64 + value.Length);
        var keyBytes = Encoding.UTF8.GetBytes(key);
        if (expected is { } version)
        {
            RecordsCommand.WriteCompareAndSet(writer, keyBytes, version, value, timeToLiveMs);
        }
        else
        {
            RecordsCommand.WritePut(writer, keyBytes, value, timeToLiveMs);
        }

        return Write(space, keyBytes, writer);
    }

    /// <summary>Removes a record.</summary>
    public static Request Delete(SpaceId space, string key, HybridTime? expected = null)
    {
        var writer = new WireWriter();
        var keyBytes = Encoding.UTF8.GetBytes(key);
        if (expected is { } version)
        {
            RecordsCommand.WriteCompareAndDelete(writer, keyBytes, version);
        }
        else
        {
            RecordsCommand.WriteDelete(writer, keyBytes);
        }

        return Write(space, keyBytes, writer);
    }

    /// <summary>Writes several records of one shard, all or none.</summary>
    public static Request Batch(SpaceId space, ReadOnlySpan<RecordOperation> operations)
    {
        var writer = new WireWriter();
        RecordsCommand.WriteBatch(writer, operations);
        return Write(space, operations[0].Key.ToArray(), writer);
    }

    /// <summary>Writes a record of a space that keeps siblings, or deletes what its context says was read.</summary>
    /// <param name="space">The space.</param>
    /// <param name="key">The key.</param>
    /// <param name="context">What a get of it answered; empty for nothing.</param>
    /// <param name="value">The value; null deletes.</param>
    public static Request PutSibling(SpaceId space, string key, ReadOnlyMemory<byte> context, byte[]? value)
    {
        var writer = new WireWriter(128 + (value?.Length ?? 0));
        var keyBytes = Encoding.UTF8.GetBytes(key);
        new SiblingCommand(keyBytes, context, value is null, 0, value ?? []).WriteTo(writer);
        return Write(space, keyBytes, writer);
    }

    /// <summary>Adds to a record of a space of counters.</summary>
    public static Request Add(SpaceId space, string key, long delta)
    {
        var writer = new WireWriter();
        var keyBytes = Encoding.UTF8.GetBytes(key);
        new AddCommand(keyBytes, delta).WriteTo(writer);
        return Write(space, keyBytes, writer);
    }

    /// <summary>Changes elements of a record of a space of sets or maps; they are in the order of their names.</summary>
    public static Request Change(SpaceId space, string key, params ElementChange[] changes)
    {
        var writer = new WireWriter();
        var keyBytes = Encoding.UTF8.GetBytes(key);
        new ElementsCommand(keyBytes, 0, changes).WriteTo(writer);
        return Write(space, keyBytes, writer);
    }

    /// <summary>Reads a record.</summary>
    public static Request Get(SpaceId space, string key, ReadLevel level = ReadLevel.Linearizable)
    {
        var writer = new WireWriter();
        var keyBytes = Encoding.UTF8.GetBytes(key);
        RecordsQuery.WriteGet(writer, keyBytes);
        return new Request
        {
            Kind = RequestKind.Read,
            Space = space,
            RoutingHash = StableHash.Compute(keyBytes),
            Level = level,
            Payload = writer.ToArray(),
        };
    }

    /// <summary>Reads the records of a shard whose keys begin with a prefix.</summary>
    public static Request ScanPrefix(ShardId shard, string prefix, ReadLevel level = ReadLevel.Linearizable)
    {
        var writer = new WireWriter();
        RecordsQuery.WriteScan(writer, ScanQuery.OfPrefix(Encoding.UTF8.GetBytes(prefix)));
        return new Request { Kind = RequestKind.Read, Shard = shard, Level = level, Payload = writer.ToArray() };
    }

    /// <summary>Asks for the changes of a shard after a version, waiting a while when there are none.</summary>
    public static Request Changes(ShardId shard, string prefix, HybridTime after, Duration linger)
    {
        var writer = new WireWriter();
        RecordsQuery.WriteChanges(writer, new ChangesQuery(Encoding.UTF8.GetBytes(prefix), after));
        return new Request { Kind = RequestKind.Read, Shard = shard, Linger = linger, Payload = writer.ToArray() };
    }

    private static Request Write(SpaceId space, byte[] key, WireWriter command) => new()
    {
        Kind = RequestKind.Write,
        Space = space,
        RoutingHash = StableHash.Compute(key),
        Payload = command.ToArray(),
    };
}
