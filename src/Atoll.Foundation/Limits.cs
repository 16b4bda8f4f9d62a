namespace Atoll.Foundation;

/// <summary>
/// Every fixed bound of the system, with the reason for its number. Full is an answer, never growth. Bounds that an operator may choose
/// are options elsewhere; their defaults and ceilings are here.
/// </summary>
public static class Limits
{
    /// <summary>Default bound of a record's key: room for paths and composite keys, and yet index nodes stay small.</summary>
    public const int KeyBytesDefault = 4 * 1024;

    /// <summary>Ceiling of the configurable key bound.</summary>
    public const int KeyBytesMax = 64 * 1024;

    /// <summary>Default bound of a record's value. Larger things are files.</summary>
    public const int ValueBytesDefault = 8 * 1024 * 1024;

    /// <summary>Ceiling of the configurable value bound; a command of one such value must fit into an entry.</summary>
    public const int ValueBytesMax = 32 * 1024 * 1024;

    /// <summary>A batch is one entry: it shares the entry's bound, and this bounds the work of one apply step.</summary>
    public const int BatchOperationsMax = 1_000;

    /// <summary>
    /// Bytes of the records of one batch that a reader decompresses at most: texts become a tenth or less, and a batch may be as large as
    /// an entry; but nobody must make a reader take gigabytes with a kilobyte.
    /// </summary>
    public const int DecompressedRecordsBytesMax = 256 * 1024 * 1024;

    /// <summary>The largest payload of a log entry: a value at its ceiling, its key at its ceiling, and headers.</summary>
    public const int EntryBytesMax = ValueBytesMax + KeyBytesMax + (4 * 1024);

    /// <summary>The largest message between nodes: one entry of the largest size and its frame.</summary>
    public const int MessageBytesMax = EntryBytesMax + (64 * 1024);

    /// <summary>The largest frame a client may send: one command of the largest size and its header.</summary>
    public const int ClientFrameBytesMax = MessageBytesMax;

    /// <summary>Appends to one follower are cut into messages of about this size, so that one never occupies a link for long.</summary>
    public const int AppendBatchBytes = 256 * 1024;

    /// <summary>Append messages under way to one follower before the leader waits: enough to fill a 100 ms link at 256 KiB each.</summary>
    public const int AppendsInFlightMax = 64;

    /// <summary>A snapshot travels in pieces of this size; a lost one costs no more than itself.</summary>
    public const int SnapshotChunkBytes = 256 * 1024;

    /// <summary>Bytes that may wait for one peer on the urgent lane before sends are refused.</summary>
    public const long UrgentQueueBytesMax = 64L * 1024 * 1024;

    /// <summary>Bytes that may wait for one peer on the bulk lane before sends are refused.</summary>
    public const long BulkQueueBytesMax = 8L * 1024 * 1024;

    /// <summary>Proposals of one shard that may wait for commitment; beyond it, new ones are answered "overloaded".</summary>
    public const int ProposalsPendingMax = 16 * 1024;

    /// <summary>Bytes of one shard's proposals that may wait for commitment.</summary>
    public const long ProposalBytesPendingMax = 128L * 1024 * 1024;

    /// <summary>Reads of one shard that may wait for a read index.</summary>
    public const int ReadsPendingMax = 64 * 1024;

    /// <summary>Requests that one loop may hold unanswered, whatever they wait for.</summary>
    public const int RequestsInFlightMax = 128 * 1024;

    /// <summary>Rows of one page of a scan.</summary>
    public const int ScanRowsMax = 10_000;

    /// <summary>
    /// A page of a scan ends after this many bytes (but holds at least one row), so that one page never occupies a loop or link for long.
    /// </summary>
    public const int ScanPageBytesMax = 1024 * 1024;

    /// <summary>Changes that a shard remembers for watchers that reconnect; older ones answer "compacted".</summary>
    public const int ChangesKeptMax = 16 * 1024;

    /// <summary>Bytes of changes that a shard remembers for watchers.</summary>
    public const long ChangeBytesKeptMax = 4L * 1024 * 1024;

    /// <summary>Remembered answers of one shard, over all clients; new clients are answered "overloaded" beyond it.</summary>
    public const int RequestsRememberedMax = 256 * 1024;

    /// <summary>Requests that one client may have under way at once: bounds what is remembered for it.</summary>
    public const int ClientRequestsInFlightMax = 8 * 1024;

    /// <summary>Replicas of one shard, learners included.</summary>
    public const int ReplicasMax = 16;

    /// <summary>Shards of one space.</summary>
    public const int ShardsPerSpaceMax = 1024;

    /// <summary>Length of a name (of a space, node, region) in UTF-8 bytes.</summary>
    public const int NameBytesMax = 255;

    /// <summary>
    /// Bytes of events that may wait for one loop before readers of sockets wait and requests are refused: half a second of a fast link.
    /// </summary>
    public const long LoopMailboxBytesMax = 64L * 1024 * 1024;

    /// <summary>The largest frame of the greeting between two nodes, which is read before either knows whom it talks to.</summary>
    public const int GreetingBytesMax = 1024;

    /// <summary>Incoming connections between nodes that may be in their greeting at once: bounds what strangers can hold.</summary>
    public const int GreetingsAtOnceMax = 64;

    /// <summary>Event loops of one node; the number fits a byte of every message.</summary>
    public const int LoopsMax = 64;

    /// <summary>Records that one expiry command removes: bounds the work of one apply step, as for a batch.</summary>
    public const int ExpiredPerCommandMax = BatchOperationsMax;

    /// <summary>Bytes of keys that one expiry command removes (at least one record), so that its changes fit into one message.</summary>
    public const int ExpiredKeyBytesPerCommandMax = 1024 * 1024;

    /// <summary>Longest time to live of a record in milliseconds: 100 years of 366 days, far from where a timestamp overflows.</summary>
    public const long TimeToLiveMillisecondsMax = 100L * 366 * 24 * 60 * 60 * 1000;

    /// <summary>Length of a reason in an answer, in UTF-8 bytes: a sentence or two.</summary>
    public const int DetailBytesMax = 1024;

    /// <summary>Length of a network address (host and port) in UTF-8 bytes: a DNS name has at most 253.</summary>
    public const int AddressBytesMax = 300;

    /// <summary>
    /// Partitions that streams of events read on one node, each with some hundred kilobytes at most where batches are not larger.
    /// </summary>
    public const int EventReadersMax = 1024;

    /// <summary>Nodes of a cluster.</summary>
    public const int NodesMax = 1024;

    /// <summary>Spaces of a cluster; every node keeps them all in its view of the directory.</summary>
    public const int SpacesMax = 4096;

    /// <summary>Shards of a cluster: a full view of the directory then takes about 4 MiB.</summary>
    public const int ShardsMax = 64 * 1024;

    /// <summary>Columns of one row; more than any table has.</summary>
    public const int RowColumnsMax = 16 * 1024;

    /// <summary>Cells of one row, elements of collections included: a row is read and written as a whole.</summary>
    public const int RowCellsMax = 1024 * 1024;

    /// <summary>Writers whose increments one counter adds up: every node that a cluster can have, twice over for those replaced.</summary>
    public const int CounterWritersMax = 2 * NodesMax;

    /// <summary>
    /// Bytes of a counter in an eventual shard: some ten thousand updates that are remembered because retries of them may still come.
    /// Every update reads and writes all of it.
    /// </summary>
    public const int OriginCounterBytesMax = 512 * 1024;

    /// <summary>Siblings of a record at which a replica takes no more: replicas that are cut off from each other may together.</summary>
    public const int SiblingsMax = 64;

    /// <summary>Bytes of one value of a record that keeps siblings.</summary>
    public const int SiblingBytesMax = 1024 * 1024;

    /// <summary>
    /// Bytes of all siblings of a record at which a replica takes no more: what <see cref="ReplicasMax"/> that are cut off from each other
    /// take is still a value that a store takes, and so is never refused when they meet.
    /// </summary>
    public const int SiblingBytesTotalMax = ValueBytesMax / (ReplicasMax + 1);

    /// <summary>
    /// Deleted ranges that one partition remembers apart (overlapping ones are merged): each write to the partition looks through them.
    /// </summary>
    public const int RangeDeletionsMax = 1_000;

    /// <summary>Length of a partition's key in bytes: a record's key at its ceiling, less what stands around it there.</summary>
    public const int PartitionKeyBytesMax = KeyBytesMax - 11;

    /// <summary>Documents in the directory; every node keeps them all.</summary>
    public const int DocumentsMax = 4096;

    /// <summary>Bytes of one document: a schema of hundreds of tables.</summary>
    public const int DocumentBytesMax = 1024 * 1024;

    /// <summary>Bytes of all documents together: with everything else, a view fits well into one message.</summary>
    public const int DocumentBytesTotalMax = 8 * 1024 * 1024;

    /// <summary>Documents that are changed in one step.</summary>
    public const int DocumentChangesMax = 64;

    /// <summary>Conditions of one conditional write.</summary>
    public const int ConditionsMax = 1_000;

    /// <summary>Length of a CQL query in characters: room for a value of the default bound, written in hexadecimal digits.</summary>
    public const int CqlQueryCharactersMax = (2 * ValueBytesDefault) + (1024 * 1024);

    /// <summary>
    /// Levels of nesting in a CQL term or type. Parsing a level takes about ten calls: far from the end of the smallest stack, and deeper
    /// than any type is.
    /// </summary>
    public const int CqlNestingMax = 100;

    /// <summary>Operators in one CQL term; with the levels of nesting, they bound the depth of its tree.</summary>
    public const int CqlOperatorsMax = 250;

    /// <summary>
    /// Bytes of a varint, and of a decimal's digits: more than ten thousand digits. To write a number as digits takes the square of their
    /// number: at a million of them, a minute and a half.
    /// </summary>
    public const int CqlNumberBytesMax = 4_200;

    /// <summary>Bind markers of a CQL query: the native protocol counts values in 16 bits.</summary>
    public const int CqlMarkersMax = 65_535;
}
