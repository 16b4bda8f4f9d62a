using Atoll.Fuzz.Targets;
using Atoll.Importing;

namespace Atoll.Fuzz;

/// <summary>Everything that is fuzzed.</summary>
public static class FuzzTargets
{
    /// <summary>A new set of targets, by name.</summary>
    public static IReadOnlyList<IFuzzTarget> Create() => [.. ((IFuzzTarget[])
    [
        new PeerStreamTarget(),
        new RaftMessageTarget(),
        new MembershipTarget(),
        new RequestTarget(),
        new ResponseTarget(),
        new LoopStatusTarget(),
        new NativeStreamTarget(),
        new NativeHelloTarget(),
        new RecordsCommandTarget(),
        new RecordsQueryTarget(),
        new RowsCommandTarget(),
        new RecordsResultTarget(),
        new DirectoryCommandTarget(),
        new DirectoryViewTarget(),
        new LogEntryTarget(),
        new StateSnapshotTarget(),
        new JournalTarget(isForged: false),
        new JournalTarget(isForged: true),
        new StoreTarget(isForged: false),
        new StoreTarget(isForged: true),
        new BackupSegmentTarget(),
        new SnapshotFileTarget(isForged: false),
        new SnapshotFileTarget(isForged: true),
        new HttpTarget(),
        new ImportTarget(RowFormat.Csv),
        new ImportTarget(RowFormat.JsonLines),
        new ImportTarget(RowFormat.Stanzas),
        new NodeSettingsTarget(),
        new NodeIdentityTarget(),
        new SessionTokenTarget(),
        new SiblingsTarget(),
        new CqlTarget(),
        new CqlRequestTarget(),
        new CqlResponseTarget(),
        new CqlStreamTarget(),
        new CqlCompressionTarget(),
        new CqlJsonTarget(),
        new CqlValueTarget(),
        new CqlKeyspaceTarget(),
        new RecordBatchTarget(),
        new CompactionTarget(),
        new GroupCommandTarget(),
        new TransactionCommandTarget(),
        new PartitionCommandTarget(),
        new KafkaMessageTarget(isRequest: true),
        new KafkaMessageTarget(isRequest: false),
        new KafkaStreamTarget(),
        new ScramTarget(),
        new RoleSetTarget(),
        .. CompressionTarget.All(),
        .. EventualTarget.All(),
        .. EventualRowsTarget.All(),
    ]).OrderBy(target => target.Name, StringComparer.Ordinal)];
}
