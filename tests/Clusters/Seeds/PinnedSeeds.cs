namespace Atoll.Clusters.Tests.Seeds;

/// <summary>
/// Seeds whose runs once failed. What a seed draws changes with the simulator; a seed that has lost its meaning stays harmless.
/// </summary>
internal static class PinnedSeeds
{
    public static readonly ulong[] All =
    [
        1, // the first run of all: every floor together
        2, // the first seed that finds several of the planted bugs
        8, // the first seed that finds a quorum reduced by one
        214127756324766, // a shard's clock jumps by hours while a request is tried again: forgotten, and served when asked anew
        198510030283299, // a doubled message is refused as expired before the answer to the first comes: that proves nothing
        74218471501515, // a write was answered at its deadline in the very batch of events in which it was to be proposed
        114496700354611, // a shard moved before its only founder had heard that it exists: nobody could elect its first leader
        161355681460185, // an append that a full disk refused in the middle of a batch: a check failed in the replica that had just stopped
        79222745355758, // a request's deadline was shorter than the patience with one attempt: a stale leader was asked for ever
        79222745357021, // a node that its shard had left asked its own forgotten replica, and one that had stopped, in turn
        135553964910165, // a node joined with the founders' addresses alone, and the founder was gone
        135553964911155, // the directory wants a replica on a node whose journal is lost for good
        140587049703845, // one copy of a doubled request took effect, the other was refused; then the clock jumped past what is remembered
        87359360435776, // one copy of a doubled request waited for room on a full disk, and was taken; the other was refused
        25406915948137, // a snapshot found no room in the store when a node started: the replica gave up instead of waiting
        277911204090261, // a flush waited for the disk to take two half-filled buffers, and they for the flush to fill them
        600003221, // a log was cut off while a follower read it from the disk: a check failed
        73171157916621, // the only founder's saved view of the directory was damaged: it heard the others, and could not answer
        600003955, // a store whose manifest could not be written had no work left, and nobody looked whether it had failed
    ];

    /// <summary>The same, with clients that work on rows.</summary>
    public static readonly ulong[] OfRows =
    [
        22, // writes with clocks of their own came closer to each other than the clocks of shards are
        42012072437703, // a client went on with a stream of requests whose times lay ahead of a shard whose clock had gone back
        264301052618638, // a partition was swept only after everything had ended, and the checker missed what watchers were told then
    ];

    /// <summary>The same, with clients that work on rows of an eventual space.</summary>
    public static readonly ulong[] OfEventual =
    [
        4, // the repair of a partition asked for a record that cannot be asked for, and floors stood still for ever
        7, // expired cells stayed where the clock was behind the horizon, and exchanges sent them again and again
        8, // a loop's question for the directory's view was lost, and it never asked again: nothing was closed there
        9, // a node that was started again did not know which eventual shards it keeps until the directory changed
        11, // two coordinators gave one timestamp; and a write got one below a value that its node had just shown
        1003, // a replica that had started answered before its log was applied: reads missed what was acknowledged
        2038, // an increment went on after its request had been answered at its deadline
        50052, // a replica read before its log was applied where its range was, and told others less than before
        50092, // a replica began anew while it conducted an exchange, and another one began
        50137, // a replica read before its log was applied what it had promised and accepted
        50391, // likewise, after a power cut: a SERIAL read missed what was decided
        50242, // hints that were damaged held the floor back for ever
        1007, // an increment that its leader had taken was answered as without effect, because no others were up
        2063, // a hint, which is all that a write at ANY needs, was taken for a copy by the checker
        50158, // a page ended behind a row that it did not show, and the checker looked for the row on the next page
        193263140130931, // a time that was heard of and not durable, but in data that were: shown after a power cut, it hid what came next
        240235959993041, // a decree to take over was refused by a full queue, and tried again at once, for as long as the disk stood still
        810000451, // an update of a counter was settled at some replicas, then taken at one whose horizon was behind: it counted twice
        // Likewise; an increment that was acknowledged was missing. Now also: one was counted twice, as a hint came behind the horizon.
        810001331,
        810001484, // likewise: replicas that had settled it in two ways never became equal
        810000991, // a node that had just started with an old view refused hints for good: what was acknowledged at ANY was lost
        50153, // hints were handed to a replica that takes few writes at a time four every ten seconds, and held the floor back
        80189, // likewise, from three sides at once
        2079, // an exchange that brought more records than a replica takes at a time began anew each time: it never got everything back
        70021, // once it stood still; what it was is not known
        10000171, // a move was taken back and begun again while an exchange with the new replica was under way, and another one began
        // An increment was taken by a replica that did not answer, and then refused as expired by one that was new: it was issued anew.
        109847016112870,
        921000005, // a repair of Paxos was under way, which answers nobody, when the directory changed
    ];

    /// <summary>The same, with clients that work on records of an eventual space.</summary>
    public static readonly ulong[] OfEventualRecords =
    [
        41000022, // a clock had been far ahead: hybrid time stood still, floors stayed three seconds behind it, and a move never ended
        41000167, // likewise
        41000056, // a watch could not begin while its shard's only replica was away: clients waited, and began when the run ended
        41000152, // likewise
        41000166, // likewise
        44000035, // a replica that came back to a shard, and so began anew, was taken for one that had given up
    ];

    /// <summary>The same, with clients that work on streams.</summary>
    public static readonly ulong[] OfStreams =
    [
        1, // a producer's second batch overtook its first, which was then taken for one that is there already
        11, // a read was answered with batches that had been deleted while it was under way
        19, // applied before it was durable here, lost in a power cut: the whole log was dropped, which was the data
        27, // the log was compacted to where the state in memory needs it, not to where the durable one does
        51, // a frame was refused, and an append that had gone in an earlier one was sent again
        52000846, // a snapshot took the place of an index while it was read, and the read found nothing where there is something
        54011142, // a group without members and offsets was forgotten when the clock had jumped by ten minutes, and began anew
        48922264608471, // who compacted was overtaken by a later round, and met a batch that reached over the end of its own
        53001447, // a machine was registered, and replicas were planned on it, before the client that registered it had heard so
        53000116, // a megabyte was to be read without a cache within 300 ms, again and again
        52786175337046, // compaction took all that there was when a read began, and it found nothing where there was more behind that
        166004143416385, // compaction took aborted batches away while a read had found them, and not yet that they were aborted
        175360475398194, // a transaction's end came before there was a group, and its beginning behind that: it never ended there
    ];
}
