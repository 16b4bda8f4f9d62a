using Atoll.Foundation.Logs;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>What a partition promises, rule by rule: docs/streams.md.</summary>
public sealed class PartitionTests
{
    private static readonly PartitionSettings Small = new(-1, -1, 1000, 3_600_000);

    private readonly PartitionReplica _partition = new();

    [Fact]
    public void Batches_get_the_next_offsets_and_are_found_where_they_were_logged()
    {
        Assert.Equal(new PartitionResult(PartitionStatus.Ok, 0, 0), _partition.Append(_partition.Batch(3)));
        Assert.Equal(3, _partition.Append(_partition.Batch(10)).BaseOffset);
        _partition.Term = new Term(4);
        Assert.Equal(13, _partition.Append(_partition.Batch(1)).BaseOffset);

        var all = _partition.Fetch(0);
        Assert.Equal(new PartitionPositions(0, 14, 14), all.Positions);
        Assert.Equal(
            [(0L, 3, 1), (3L, 10, 1), (13L, 1, 4)],
            all.Batches.Select(place => (place.BaseOffset, place.Records, place.LeaderEpoch)));
        Assert.All(all.Batches, place => Assert.Equal(place.BaseOffset, _partition.Serve(place).Header.BaseOffset));
        Assert.Equal(4, _partition.Serve(all.Batches[2]).Header.LeaderEpoch);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 3)]
    [InlineData(12, 3)]
    public void Reading_begins_with_the_batch_that_has_the_offset(long offset, long first)
    {
        _partition.Append(_partition.Batch(3));
        _partition.Append(_partition.Batch(10));
        Assert.Equal(first, _partition.Fetch(offset).Batches[0].BaseOffset);
    }

    [Fact]
    public void An_answer_has_at_least_one_batch_and_no_more_bytes_than_were_asked_for()
    {
        for (var i = 0; i < 5; i++)
        {
            _partition.Append(_partition.Batch());
        }

        var bytes = _partition.Batch().Length;
        Assert.Single(_partition.Fetch(0, 1).Batches);
        Assert.Single(_partition.Fetch(0, bytes + 1).Batches);
        Assert.Equal(2, _partition.Fetch(0, 2 * bytes).Batches.Count);
    }

    [Fact]
    public void Behind_the_end_there_is_nothing_yet_and_beyond_it_is_out_of_range()
    {
        _partition.Append(_partition.Batch(3));
        Assert.Equal((PartitionStatus.Ok, 0), (_partition.Fetch(3).Status, _partition.Fetch(3).Batches.Count));
        Assert.Equal(PartitionStatus.OffsetOutOfRange, _partition.Fetch(4).Status);
        Assert.Equal(PartitionStatus.OffsetOutOfRange, _partition.Fetch(-1).Status);
    }

    [Fact]
    public void A_batch_that_comes_again_gets_the_offset_that_it_had()
    {
        for (var sequence = 0; sequence < 12; sequence += 2)
        {
            Assert.Equal(sequence, _partition.Append(5, 0, sequence, 2).BaseOffset);
        }

        for (var sequence = 2; sequence < 12; sequence += 2)
        {
            Assert.Equal(new PartitionResult(PartitionStatus.Ok, sequence, 0), _partition.Append(5, 0, sequence, 2));
        }

        Assert.Equal(new PartitionResult(PartitionStatus.DuplicateSequence, -1, 0), _partition.Append(5, 0, 0, 2));
        Assert.Equal(12, _partition.Machine.NextOffset);
    }

    [Theory]
    [InlineData(0, 3, PartitionStatus.OutOfOrderSequence)] // a gap
    [InlineData(0, 1, PartitionStatus.OutOfOrderSequence)] // the beginning of one that is there, the end of another
    [InlineData(1, 2, PartitionStatus.OutOfOrderSequence)] // a new epoch begins with 0
    [InlineData(-1, 0, PartitionStatus.ProducerFenced)]
    public void A_producers_batches_come_in_order_or_not_at_all(int epochs, int sequence, PartitionStatus expected)
    {
        _partition.Append(5, 3, 0, 2);
        Assert.Equal(expected, _partition.Append(5, (short)(3 + epochs), sequence).Status);
        Assert.Equal(2, _partition.Machine.NextOffset);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 3, 2).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 4, 0).Status);
        Assert.Equal(PartitionStatus.ProducerFenced, _partition.Append(5, 3, 3).Status);
    }

    [Fact]
    public void A_producers_second_batch_that_overtakes_its_first_waits_for_it()
    {
        Assert.Equal(PartitionStatus.OutOfOrderSequence, _partition.Append(5, 3, 2).Status);
        Assert.Equal(0, _partition.Append(5, 3, 0, 2).BaseOffset);
        Assert.Equal(2, _partition.Append(5, 3, 2).BaseOffset);
    }

    [Fact]
    public void Numbers_go_on_from_0_behind_the_largest()
    {
        var producer = new ProducerState();
        producer.Begin(0);
        producer.Add(new AppendedBatch(int.MaxValue - 1, int.MaxValue, 7));
        Assert.Equal((PartitionStatus.Ok, -1), (producer.Judge(Numbered(0), out var offset), offset));
        Assert.Equal((PartitionStatus.Ok, 7), (producer.Judge(Numbered(int.MaxValue - 1), out offset), offset));

        static RecordBatchHeader Numbered(int sequence) => new(0, 100, 0, 0, 0, 1, 0, 0, 5, 0, sequence, 2);
    }

    [Fact]
    public void An_open_transaction_holds_the_last_stable_offset_until_its_marker()
    {
        _partition.Append(_partition.Batch(2));
        _partition.Begin(5, 0);
        _partition.Append(5, 0, 0, 3, isTransactional: true);
        _partition.Append(_partition.Batch(1));
        Assert.Equal(new PartitionPositions(0, 2, 6), _partition.Fetch(0).Positions);
        Assert.Equal([0L], _partition.Fetch(0, isCommitted: true).Batches.Select(place => place.BaseOffset));
        Assert.Empty(_partition.Fetch(2, isCommitted: true).Batches);
        Assert.Equal((2L, 6L), (_partition.Find(PartitionFind.Latest, true).Offset, _partition.Find(PartitionFind.Latest).Offset));

        Assert.Equal(6, _partition.End(5, 0, isCommit: true).BaseOffset);
        var read = _partition.Fetch(0, isCommitted: true);
        Assert.Equal(new PartitionPositions(0, 7, 7), read.Positions);
        Assert.Equal([0L, 2, 5, 6], read.Batches.Select(place => place.BaseOffset));
        Assert.True(_partition.Serve(read.Batches[3]).Header.IsControl);
        Assert.Empty(read.Aborted);
    }

    [Fact]
    public void Aborted_transactions_are_named_to_readers_of_committed_records_whose_answer_they_reach_into()
    {
        _partition.Begin(5, 0);
        _partition.Begin(6, 0);
        _partition.Append(5, 0, 0, 2, isTransactional: true); // 0, 1
        _partition.Append(6, 0, 0, 2, isTransactional: true); // 2, 3
        _partition.End(6, 0, isCommit: false); // 4
        _partition.Append(_partition.Batch(2)); // 5, 6
        _partition.End(5, 0, isCommit: false); // 7
        _partition.Begin(5, 0, 1);
        _partition.Append(5, 0, 2, 1, isTransactional: true); // 8
        _partition.End(5, 0, isCommit: true, 1); // 9

        var five = new AbortedTransaction(5, 0, 7);
        var six = new AbortedTransaction(6, 2, 4);
        Assert.Equal([six, five], _partition.Fetch(0, isCommitted: true).Aborted);
        Assert.Equal([five], _partition.Fetch(0, 1, isCommitted: true).Aborted);
        Assert.Equal([five], _partition.Fetch(5, isCommitted: true).Aborted);
        Assert.Empty(_partition.Fetch(8, isCommitted: true).Aborted);
        Assert.Empty(_partition.Fetch(0).Aborted);
    }

    [Fact]
    public void A_marker_that_is_too_late_or_finds_nothing_open_changes_nothing()
    {
        Assert.Equal(new PartitionResult(PartitionStatus.Ok, -1, 0), _partition.End(5, 3, isCommit: true, 1));
        _partition.Begin(5, 3, 7);
        _partition.Append(5, 3, 0, isTransactional: true);
        Assert.Equal(PartitionStatus.ProducerFenced, _partition.End(5, 2, isCommit: true, 7).Status);
        Assert.Equal(PartitionStatus.TransactionOver, _partition.End(5, 3, isCommit: true, 6).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.End(5, 3, isCommit: false, 7).Status);
        Assert.Equal(new PartitionResult(PartitionStatus.Ok, -1, 0), _partition.End(5, 3, isCommit: false, 7));
        Assert.Equal(2, _partition.Machine.NextOffset);

        // The next one is open: what is said again of the former one does not end it.
        _partition.Begin(5, 3, 8);
        Assert.Equal(2, _partition.Append(5, 3, 1, isTransactional: true).BaseOffset);
        Assert.Equal(new PartitionResult(PartitionStatus.Ok, -1, 0), _partition.End(5, 3, isCommit: false, 7));
        Assert.Equal(2, _partition.Machine.LastStable);
        Assert.Equal(3, _partition.End(5, 3, isCommit: true, 8).BaseOffset);
    }

    [Fact]
    public void A_batch_is_taken_between_the_beginning_and_the_end_of_its_transaction_only()
    {
        Assert.Equal(PartitionStatus.InvalidTransactionState, _partition.Append(5, 0, 0, isTransactional: true).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 0, 3).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 0, 3).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 0, 0, isTransactional: true).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.End(5, 0, isCommit: false, 3).Status);

        // Late: the producer gave up, and a batch of it was still under way; so was the beginning.
        Assert.Equal(PartitionStatus.InvalidTransactionState, _partition.Append(5, 0, 1, isTransactional: true).Status);
        Assert.Equal(PartitionStatus.TransactionOver, _partition.Begin(5, 0, 3).Status);
        Assert.Equal(PartitionStatus.TransactionOver, _partition.Begin(5, 0, 2).Status);
        Assert.Equal(2, _partition.Machine.LastStable);
        Assert.Equal(0, _partition.Append(5, 0, 0, isTransactional: true).BaseOffset); // that one is there, and no other
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 0, 4).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 0, 1, isTransactional: true).Status);
        Assert.Equal(PartitionStatus.InvalidTransactionState, _partition.Begin(5, 0, 5).Status);
        Assert.Equal(PartitionStatus.Invalid, _partition.Begin(5, -1, 5).Status);
    }

    [Fact]
    public void Numbers_of_transactions_begin_anew_behind_the_largest()
    {
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 0, int.MaxValue).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.End(5, 0, isCommit: true, int.MaxValue).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 0, 0).Status);
        Assert.Equal(PartitionStatus.TransactionOver, _partition.End(5, 0, isCommit: true, int.MaxValue - 1).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.End(5, 0, isCommit: true, 0).Status);
        Assert.Equal(PartitionStatus.TransactionOver, _partition.Begin(5, 0, int.MaxValue).Status);
    }

    [Fact]
    public void A_marker_of_a_new_epoch_ends_the_transaction_and_fences_the_old_producer()
    {
        _partition.Begin(5, 3);
        _partition.Append(5, 3, 0, isTransactional: true);
        Assert.Equal(1, _partition.End(5, 4, isCommit: false).BaseOffset);
        Assert.Equal(PartitionStatus.ProducerFenced, _partition.Append(5, 3, 1, isTransactional: true).Status);
        Assert.Equal(PartitionStatus.ProducerFenced, _partition.Begin(5, 3, 1).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Begin(5, 4, 1).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 4, 0, isTransactional: true).Status);
    }

    [Fact]
    public void Within_a_transaction_every_batch_belongs_to_it()
    {
        _partition.Begin(5, 3);
        _partition.Append(5, 3, 0, isTransactional: true);
        Assert.Equal(PartitionStatus.InvalidTransactionState, _partition.Append(5, 3, 1).Status);
        Assert.Equal(PartitionStatus.InvalidTransactionState, _partition.Append(5, 4, 0).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 3, 1, isTransactional: true).Status);
    }

    [Fact]
    public void An_epoch_ends_where_the_next_one_begins()
    {
        _partition.Append(_partition.Batch(3));
        _partition.Term = new Term(4);
        _partition.Append(_partition.Batch(3));
        _partition.Term = new Term(6);
        _partition.Append(_partition.Batch(3));
        Assert.Equal([(-1, -1L), (1, 3), (1, 3), (4, 6), (6, 9), (6, 9)],
            new[] { 0, 1, 3, 5, 6, 9 }.Select(epoch => _partition.EpochEnd(epoch)).Select(end => (end.LeaderEpoch, end.Offset)));
    }

    [Fact]
    public void The_first_batch_with_a_timestamp_or_a_later_one_is_found_in_whichever_segment()
    {
        _partition.Configure(Small);
        long[] timestamps = [10, 50, 20, 20, 90, 30, 60, 95, 40, 95, 12, 13, 14, 15, 16];
        foreach (var timestamp in timestamps)
        {
            _partition.Append(_partition.Batch(1, timestamp: timestamp, bytes: 150));
        }

        Assert.True(_partition.Machine.SnapshotPoint is { Index.Value: 0 });
        for (var from = 0; from < timestamps.Length; from++)
        {
            _partition.DeleteBefore(from);
            for (var target = 0; target < 100; target++)
            {
                var expected = Array.FindIndex(timestamps, from, timestamp => timestamp >= target);
                var found = _partition.Find(target);
                Assert.Equal((expected, expected < 0 ? -1 : timestamps[expected]), (found.Offset, found.Timestamp));
            }

            var max = timestamps[from..].Max();
            Assert.Equal((Array.IndexOf(timestamps, max, from), max),
                (_partition.Find(PartitionFind.MaxTimestamp).Offset, _partition.Find(PartitionFind.MaxTimestamp).Timestamp));
        }

        Assert.True(_partition.Machine.SnapshotPoint is { Index.Value: > 1 });
    }

    [Fact]
    public void Records_before_the_log_start_are_gone()
    {
        _partition.Append(_partition.Batch(3));
        _partition.Append(_partition.Batch(3));
        Assert.Equal(4, _partition.DeleteBefore(4).LogStart);
        Assert.Equal(PartitionStatus.OffsetOutOfRange, _partition.Fetch(3).Status);
        Assert.Equal([3L], _partition.Fetch(4).Batches.Select(place => place.BaseOffset));
        Assert.Equal(4, _partition.Find(PartitionFind.Earliest).Offset);
        Assert.Equal(4, _partition.DeleteBefore(2).LogStart);
        Assert.Equal(PartitionStatus.OffsetOutOfRange, _partition.DeleteBefore(7).Status);
        Assert.Equal(6, _partition.DeleteBefore(PartitionCommand.EndOffset).LogStart);
        Assert.Empty(_partition.Fetch(6).Batches);
        Assert.Equal(0, _partition.Machine.Bytes);
        Assert.Equal(6, _partition.Append(_partition.Batch(1)).BaseOffset);
        Assert.Single(_partition.Fetch(6).Batches);
    }

    [Fact]
    public void Whole_segments_go_when_they_are_too_old()
    {
        _partition.Configure(Small with { RetentionMilliseconds = 60_000 });
        for (var i = 0; i < 20; i++)
        {
            _partition.Append(_partition.Batch(1, bytes: 150));
            _partition.Now += 1_000;
        }

        Assert.False(_partition.Expire());
        _partition.Now += 55_000;
        Assert.True(_partition.Expire());
        Assert.InRange(_partition.Machine.LogStart, 10, 19);
        Assert.False(_partition.Expire());
        _partition.Now += 60_000;
        Assert.True(_partition.Expire());
        Assert.Equal(20, _partition.Machine.LogStart);
        Assert.Equal(new LogIndex(21), _partition.Machine.SnapshotPoint!.Value.Index);
        Assert.False(_partition.Expire());
    }

    [Fact]
    public void Whole_segments_go_when_there_are_more_bytes_than_are_to_be_kept()
    {
        _partition.Configure(Small with { RetentionBytes = 3_000 });
        for (var i = 0; i < 60; i++)
        {
            _partition.Append(_partition.Batch(1, bytes: 150));
            _partition.Expire();
            Assert.InRange(_partition.Machine.Bytes, Math.Min(3_000, i * 150), 5_500);
        }
    }

    [Fact]
    public void What_an_open_transaction_began_with_stays()
    {
        _partition.Append(_partition.Batch(1));
        _partition.Begin(5, 0);
        _partition.Append(5, 0, 0, 1, isTransactional: true);
        Assert.Equal(1, _partition.DeleteBefore(PartitionCommand.EndOffset).LogStart);
        _partition.Now += 30L * 24 * 3_600_000;
        Assert.False(_partition.Expire());
        _partition.End(5, 0, isCommit: true);
        Assert.False(_partition.Expire());
        _partition.Now += 8L * 24 * 3_600_000;
        Assert.True(_partition.Expire());
        Assert.Equal(3, _partition.Machine.LogStart);
    }

    [Fact]
    public void Producers_are_told_of_as_they_are_remembered()
    {
        Assert.Empty(_partition.Producers());
        _partition.Append(_partition.Batch(5)); // of nobody who numbers
        _partition.Append(7, 2, 0, records: 3);
        _partition.Now += 1_000;
        _partition.Append(7, 2, 3);
        _partition.Begin(4, 0);
        Assert.Equal(
            [new KnownProducer(4, 0, -1, _partition.Now, -1), new KnownProducer(7, 2, 3, _partition.Now, -1)], _partition.Producers());
        var started = _partition.Append(4, 0, 0, records: 2, isTransactional: true).BaseOffset;
        Assert.Equal(new KnownProducer(4, 0, 1, _partition.Now, started), _partition.Producers()[0]);
        Assert.Equal(_partition.Producers(), _partition.Restart().Producers());
        _partition.End(4, 0, isCommit: true);
        Assert.Equal(new KnownProducer(4, 0, 1, _partition.Now, -1), _partition.Producers()[0]);
        _partition.Append(7, 3, 0); // a new epoch begins with a new first number
        Assert.Equal(new KnownProducer(7, 3, 0, _partition.Now, -1), _partition.Producers()[1]);
    }

    [Fact]
    public void A_producer_that_was_silent_for_a_day_is_forgotten_when_a_segment_ends()
    {
        _partition.Append(5, 0, 0);
        _partition.Begin(6, 0);
        _partition.Append(6, 0, 0, isTransactional: true);
        _partition.Now += 25L * 3_600_000;
        _partition.Append(_partition.Batch()); // an hour has passed: the segment ends
        Assert.Equal(PartitionStatus.UnknownProducer, _partition.Append(5, 0, 77).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(5, 1, 0).Status);
        Assert.Equal(PartitionStatus.OutOfOrderSequence, _partition.Append(6, 0, 77, isTransactional: true).Status);
    }

    [Fact]
    public void Of_too_many_producers_the_longest_silent_ones_are_forgotten()
    {
        for (var producer = 0; producer < PartitionProducers.CountMax; producer++)
        {
            _partition.Append(producer, 0, 0);
            _partition.Now++;
        }

        _partition.Append(0, 0, 1);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(1_000_000, 0, 0).Status);
        Assert.Equal(PartitionStatus.UnknownProducer, _partition.Append(1, 0, 500).Status);
        Assert.Equal(PartitionStatus.Ok, _partition.Append(1, 1, 0).Status);
        Assert.Equal(PartitionStatus.OutOfOrderSequence, _partition.Append(0, 0, 500).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("31")]
    [InlineData("3100000000")]
    [InlineData("32ffff")]
    [InlineData("3300")]
    [InlineData("33fefefefefefefefe")]
    [InlineData("34")]
    [InlineData("99")]
    public void Garbage_has_a_result_and_no_effect(string hex)
    {
        var before = _partition.Machine.StateHash();
        var result = _partition.Propose(writer => writer.WriteRaw(Convert.FromHexString(hex)));
        Assert.True(result.Status is PartitionStatus.Invalid or PartitionStatus.CorruptBatch);
        Assert.Equal(before, _partition.Machine.StateHash());
    }
}
