using Atoll.Kernel.Raft;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Loops;

/// <summary>What a node says in its log. Event ids of this floor are 2000 to 2999.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(2001, LogLevel.Information, "Shard {Shard}: {Role} in term {Term}, leader {Leader}")]
    public static partial void RoleChanged(ILogger logger, ulong shard, Role role, ulong term, uint leader);

    [LoggerMessage(2002, LogLevel.Information, "Shard {Shard}: membership {Membership} at index {Index}, committed: {IsCommitted}")]
    public static partial void MembershipChanged(ILogger logger, ulong shard, Membership membership, ulong index, bool isCommitted);

    [LoggerMessage(2003, LogLevel.Error, "Shard {Shard}: this replica has stopped: {Why}")]
    public static partial void ReplicaFaulted(ILogger logger, ulong shard, string why);

    [LoggerMessage(2004, LogLevel.Information, "Shard {Shard}: snapshot of index {Index} taken, {Bytes} bytes")]
    public static partial void SnapshotTaken(ILogger logger, ulong shard, ulong index, long bytes);

    [LoggerMessage(2005, LogLevel.Information, "Shard {Shard}: snapshot of index {Index} installed from node {From}")]
    public static partial void SnapshotInstalled(ILogger logger, ulong shard, ulong index, uint from);

    [LoggerMessage(2006, LogLevel.Warning, "Shard {Shard}: a snapshot came to nothing: {Why}")]
    public static partial void SnapshotFailed(ILogger logger, ulong shard, string why);

    [LoggerMessage(2007, LogLevel.Information, "Loop {Loop} of node {Node} is ready: {Shards} shards, {JournalBytes} bytes of journal")]
    public static partial void LoopReady(ILogger logger, int loop, uint node, int shards, long journalBytes);

    [LoggerMessage(2008, LogLevel.Critical, "Loop {Loop} of node {Node} has stopped: {Why}")]
    public static partial void LoopFaulted(ILogger logger, int loop, uint node, string why);

    [LoggerMessage(2009, LogLevel.Warning, "Node {Peer} has been silent for {SilentMs} ms and is taken for dead")]
    public static partial void PeerSilent(ILogger logger, uint peer, long silentMs);

    [LoggerMessage(2020, LogLevel.Error, "Shard {Shard}: this replica is damaged and waits for another one that leads: {Why}")]
    public static partial void AwaitsRepair(ILogger logger, ulong shard, string why);

    [LoggerMessage(2021, LogLevel.Error, "Shard {Shard}: this replica is damaged and must not vote: move it to another node: {Why}")]
    public static partial void CannotBeRepaired(ILogger logger, ulong shard, string why);

    [LoggerMessage(2022, LogLevel.Warning, "Shard {Shard}: repairing this replica from node {From}: {Why}")]
    public static partial void RepairBegins(ILogger logger, ulong shard, string why, uint from);

    [LoggerMessage(2023, LogLevel.Warning, "Shard {Shard}: this replica is repaired through index {Index} and votes again")]
    public static partial void Repaired(ILogger logger, ulong shard, ulong index);

    [LoggerMessage(2024, LogLevel.Error, "Shard {Shard}: this replica is damaged, and nothing is there to repair it from: {Why}")]
    public static partial void OnlyReplicaDamaged(ILogger logger, ulong shard, string why);

    [LoggerMessage(2025, LogLevel.Warning, "The journal is damaged, and goes on behind it: {Damage}")]
    public static partial void JournalDamaged(ILogger logger, string damage);

    [LoggerMessage(2010, LogLevel.Information, "Directory version {Version}: {Nodes} nodes, {Spaces} spaces, {Shards} shards")]
    public static partial void DirectoryChanged(ILogger logger, ulong version, int nodes, int spaces, int shards);

    [LoggerMessage(2011, LogLevel.Warning, "A malformed message from {From} was dropped: {Why}")]
    public static partial void MalformedMessage(ILogger logger, string from, string why);

    [LoggerMessage(2012, LogLevel.Warning, "The journal is {State}: {Why}")]
    public static partial void JournalState(ILogger logger, string state, string why);

    [LoggerMessage(2026, LogLevel.Warning, "The disk is nearly full: new data is refused while {Free} bytes are free and {Needed} needed")]
    public static partial void DiskNearlyFull(ILogger logger, long free, long needed);

    [LoggerMessage(2027, LogLevel.Information, "The disk has room again and new data is taken: {Free} bytes are free")]
    public static partial void DiskHasRoom(ILogger logger, long free);

    [LoggerMessage(2018, LogLevel.Error, "The store is damaged: {Fault}")]
    public static partial void StoreDamaged(ILogger logger, string fault);

    [LoggerMessage(2017, LogLevel.Warning, "The journal has room again and takes writes")]
    public static partial void JournalReady(ILogger logger);

    [LoggerMessage(2013, LogLevel.Information, "Shard {Shard}: dropped, with its log and snapshots")]
    public static partial void ReplicaDropped(ILogger logger, ulong shard);

    [LoggerMessage(2014, LogLevel.Information, "Shard {Shard}: changing replicas from {From} to {To}: {Outcome}")]
    public static partial void Reconciling(ILogger logger, ulong shard, Membership from, Membership to, ProposalOutcome outcome);

    [LoggerMessage(2015, LogLevel.Information, "Shard {Shard}: handing leadership to node {To}, which the directory prefers")]
    public static partial void HandingOver(ILogger logger, ulong shard, uint to);

    [LoggerMessage(2016, LogLevel.Information, "Shard {Shard}: handing leadership to node {To}, because this node stops")]
    public static partial void HandingOverToStop(ILogger logger, ulong shard, uint to);
}
