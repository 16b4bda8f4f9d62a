using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>What a space survives and gives up; see the design.</summary>
public enum FaultModel : byte
{
    /// <summary>Raft: survives a minority of crashed or cut-off replicas; linearizable.</summary>
    Strong = 1,

    /// <summary>Leaderless: every reachable replica serves.</summary>
    Eventual = 2,

    /// <summary>Outvotes lying replicas. Not in this version.</summary>
    Byzantine = 3,
}

/// <summary>How a space's keys are cut into shards.</summary>
public enum Partitioning : byte
{
    /// <summary>By ranges of the keys' hash.</summary>
    Hash = 1,

    /// <summary>By ranges of the keys themselves. Not in this version.</summary>
    Range = 2,
}

/// <summary>What a space holds.</summary>
public enum SpaceKind : byte
{
    /// <summary>Records: keys and values. A key's hash says which shard it is in.</summary>
    Records = 1,

    /// <summary>Rows of a table. A partition's token, with its sign bit flipped, is the hash that says which shard it is in.</summary>
    Rows = 2,

    /// <summary>Partitions of a stream: each shard is one, in the order of their hashes.</summary>
    Streams = 3,

    /// <summary>Groups of consumers, with their offsets. The hash of a group's id says which shard it is in.</summary>
    Groups = 4,

    /// <summary>Transactions of producers. The hash of a transactional id says which shard it is in.</summary>
    Transactions = 5,
}

/// <summary>What becomes of concurrent writes of one record in an eventual space.</summary>
public enum ConflictRule : byte
{
    /// <summary>The latest stays.</summary>
    LastWrite = 0,

    /// <summary>All stay until a write that has seen them replaces them.</summary>
    Siblings = 1,

    /// <summary>Records are counters: what is added concurrently is added up.</summary>
    Counters = 2,

    /// <summary>Records are sets: of each element the latest change stays, that it is put there or removed.</summary>
    Sets = 3,

    /// <summary>Records are maps: of what is under each key the latest change stays.</summary>
    Maps = 4,
}

/// <summary>What is chosen when a space is created.</summary>
/// <param name="Name">
/// Not empty, no control characters, at most <see cref="Foundation.Limits.NameBytesMax"/> bytes of UTF-8; unique.
/// </param>
/// <param name="FaultModel">What it survives.</param>
/// <param name="Replicas">Copies of each shard: 1, 3, 5 or 7; 1 to 15 of an eventual space.</param>
/// <param name="Partitioning">How its keys are cut.</param>
/// <param name="ShardCount">Shards, 1 to <see cref="Foundation.Limits.ShardsPerSpaceMax"/>.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Regions">Where it lives; null: anywhere.</param>
/// <param name="Conflicts">Of an eventual space of records: what becomes of concurrent writes.</param>
public sealed record SpaceOptions(
    string Name,
    FaultModel FaultModel = FaultModel.Strong,
    int Replicas = 3,
    Partitioning Partitioning = Partitioning.Hash,
    int ShardCount = 1,
    SpaceKind Kind = SpaceKind.Records,
    SpaceRegions? Regions = null,
    ConflictRule Conflicts = ConflictRule.LastWrite)
{
    /// <summary>Whether the space's data may be stored in a region.</summary>
    public bool Allows(string region) => Regions?.Allows(region) ?? true;
}

/// <summary>A space.</summary>
/// <param name="Id">Its number; never given twice, also not after the space was dropped.</param>
/// <param name="Options">What was chosen for it.</param>
/// <param name="Created">When, in the directory's time.</param>
public sealed record SpaceInfo(SpaceId Id, SpaceOptions Options, HybridTime Created)
{
    /// <summary>Its name.</summary>
    public string Name => Options.Name;
}
