using System.Text;
using Atoll.Foundation.Compression;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>Compaction by key: docs/streams.md.</summary>
public sealed class CompactionTests
{
    private static readonly CompactionSettings Always = new(0, 0, 1_000_000) { BatchBytes = 300 };

    private static readonly PartitionSettings Small = new(-1, -1, 600, 3_600_000);

    [Fact]
    public void The_last_record_of_each_key_stays_with_its_offset_and_what_was_there_may_go()
    {
        var partition = new CompactedPartition(new PartitionReplica());
        partition.Replica.Configure(Small);
        for (var i = 0; i < 60; i++)
        {
            partition.Append(RecordCompression.None, ($"k{i % 5}", $"v{i}"), ($"once {i}", "x"));
        }

        var before = partition.Replica.Machine.SnapshotPoint!.Value.Index;
        Assert.Equal(LogIndex.Zero, before);
        Assert.Null(partition.Compact(Always));
        var status = partition.Status();
        Assert.True(status.CleanEnd > 80 && status.Round is null);
        var records = partition.Read(0).Where(record => record.Offset < status.CleanEnd).ToList();
        Assert.Equal(records.Count, records.Select(record => record.Key).Distinct().Count());
        Assert.Equal(status.CleanEnd / 2, records.Count(record => record.Key!.StartsWith("once", StringComparison.Ordinal)));
        partition.Check();

        // The log is needed from there on only, and a replica that begins there has everything.
        Assert.True(partition.Replica.Machine.SnapshotPoint!.Value.Index > before);
        new CompactedPartition(partition.Replica.Join(), partition).Check();
        new CompactedPartition(partition.Replica.Restart(), partition).Check();
    }

    [Fact]
    public void Nothing_happens_while_too_little_is_new_and_what_is_young_is_left_alone()
    {
        var partition = new CompactedPartition(new PartitionReplica());
        partition.Replica.Configure(Small);
        for (var i = 0; i < 60; i++)
        {
            partition.Append(RecordCompression.None, ($"{i}", "0123456789"));
        }

        var all = partition.Replica.Now;
        partition.Replica.Now += 10_000;
        Assert.Null(partition.Compact(Always with { LagMilliseconds = 20_000 }));
        Assert.Equal(0UL, partition.Status().Rounds);
        Assert.True(partition.Replica.Now > all);
        Assert.Null(partition.Compact(Always with { DirtyRatioMin = 0.5 }));
        Assert.Equal(1UL, partition.Status().Rounds);
        for (var i = 0; i < 20; i++)
        {
            partition.Append(RecordCompression.None, ($"{i}", "0123456789"));
        }

        Assert.Null(partition.Compact(Always with { DirtyRatioMin = 0.5 }));
        Assert.Equal(1UL, partition.Status().Rounds);
        Assert.Null(partition.Compact(Always with { DirtyRatioMin = 0.1 }));
        Assert.Equal(2UL, partition.Status().Rounds);
        partition.Check();
    }

    [Theory]
    [InlineData(0, 0, 300, true)] // as much as there is
    [InlineData(100, 0, 200, true)]
    [InlineData(100, 150, 200, false)] // too little is new
    [InlineData(200, 150, 100, false)]
    [InlineData(300, 0, 0, false)] // nothing is
    public void A_round_is_due_by_how_much_is_new(long cleanEnd, int addedToClean, long dirtyBytes, bool isDue)
    {
        var need = CompactionNeed.Of(StatusOf(cleanEnd, addedToClean), new CompactionSettings(0.5, 0, 0), 2_000);
        Assert.Equal((dirtyBytes, isDue), (need.DirtyBytes, need.IsDue));
        Assert.Equal(isDue || dirtyBytes > 0 ? 300 : -1, need.End);
    }

    [Fact]
    public void A_round_is_due_by_how_old_it_is_and_leaves_alone_what_is_young_or_in_a_transaction()
    {
        var little = new CompactionSettings(1, 0, 0);
        Assert.False(CompactionNeed.Of(StatusOf(200, 0), little with { LagMaxMilliseconds = 1_801 }, 2_000).IsDue);
        Assert.True(CompactionNeed.Of(StatusOf(200, 0), little with { LagMaxMilliseconds = 1_800 }, 2_000).IsDue);
        Assert.False(CompactionNeed.Of(StatusOf(200, 0), little, long.MaxValue).IsDue);
        Assert.Equal(200, CompactionNeed.Of(StatusOf(0, 0), little with { LagMilliseconds = 1_850 }, 2_000).End);
        Assert.Equal(-1, CompactionNeed.Of(StatusOf(0, 0), little with { LagMilliseconds = 2_001 }, 2_000).End);
        Assert.Equal(200, CompactionNeed.Of(StatusOf(0, 0, lastStable: 300), little, 2_000).End);
        Assert.Equal(300, CompactionNeed.Of(StatusOf(0, 0, lastStable: 301), little, 2_000).End);
    }

    [Fact]
    public void Tombstones_stay_as_long_as_they_are_to_and_then_go_with_nothing_to_hide()
    {
        var partition = new CompactedPartition(new PartitionReplica());
        partition.Replica.Configure(Small);
        partition.Append(RecordCompression.None, ("a", "old"), ("b", "old"));
        partition.Append(RecordCompression.None, ("a", null));
        Fill(partition, 40);
        Assert.Null(partition.Compact(Always));
        Assert.Contains(partition.Read(0), static record => record is { Key: "a", Value: null });
        partition.Replica.Now += 999_000;
        Fill(partition, 40);
        Assert.Null(partition.Compact(Always));
        Assert.Contains(partition.Read(0), static record => record is { Key: "a", Value: null });
        partition.Replica.Now += 2_000;
        Fill(partition, 40);
        Assert.Null(partition.Compact(Always));
        Assert.DoesNotContain(partition.Read(0), static record => record.Key == "a");
        Assert.Contains(partition.Read(0), static record => record is { Key: "b", Value: "old" });
        partition.Check();
    }

    [Fact]
    public void A_round_ends_where_no_more_keys_can_be_told_apart_and_does_not_begin_where_a_segment_has_more()
    {
        var partition = new CompactedPartition(new PartitionReplica());
        partition.Replica.Configure(Small);
        Fill(partition, 100);
        Assert.Null(partition.Compact(Always with { KeysMax = 40 }));
        var end = partition.Status().CleanEnd;
        Assert.InRange(end, 1, 40);
        Assert.Null(partition.Compact(Always with { KeysMax = 40 }));
        Assert.True(partition.Status().CleanEnd > end);
        partition.Check();
        var other = new CompactedPartition(new PartitionReplica());
        other.Replica.Configure(Small);
        Fill(other, 100);
        Assert.Contains("more than 3 keys", other.Compact(Always with { KeysMax = 3 }), StringComparison.Ordinal);
        Assert.Equal(0UL, other.Status().Rounds);
    }

    [Fact]
    public void A_piece_of_another_round_is_refused_by_all()
    {
        var partition = new CompactedPartition(new PartitionReplica());
        partition.Replica.Configure(Small);
        Fill(partition, 60);
        var (first, second) = (partition.NewRun(Always), partition.NewRun(Always));
        Assert.True(partition.Drive(first, 30));
        partition.Drive(second, int.MaxValue);
        Assert.Equal(CompactionStep.Nothing, second.Step);
        var hash = partition.Replica.Machine.StateHash();
        Assert.False(partition.Drive(first, int.MaxValue));
        Assert.Equal(hash, partition.Replica.Machine.StateHash());
        partition.Check();
    }

    [Fact]
    public void Over_random_appends_transactions_deletions_starts_and_newcomers_every_reader_ends_with_the_last_of_each_key()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new CompactionScript(new Prng(seed));
            random.Run(120);
        }
    }

    // Three segments of 100 bytes and offsets each, begun at 0, 100 and 200, with timestamps of then; and the one that is being written.
    private static CompactionStatus StatusOf(long cleanEnd, int addedToClean, long lastStable = 350) => new(
        PartitionStatus.Ok, new PartitionPositions(0, lastStable, 350), 1, cleanEnd, null, null,
        [
            new(0, 100 + addedToClean, 0, 0), new(100, 100, 100, 100), new(200, 100, 200, 200), new(300, 50, 300, 300),
        ]);

    private static void Fill(CompactedPartition partition, int count)
    {
        for (var i = 0; i < count; i++)
        {
            partition.Append(RecordCompression.None, ($"filler {partition.Replica.Machine.NextOffset}", "0123456789"));
        }
    }
}

/// <summary>A random life of a partition that is compacted.</summary>
internal sealed class CompactionScript(Prng random)
{
    private CompactedPartition _partition = new(new PartitionReplica());
    private CompactionRun? _run;
    private int _sequence;
    private int _transaction = -1;
    private bool _isOpen;

    public void Run(int steps)
    {
        _partition.Replica.Configure(new PartitionSettings(-1, -1, random.NextInt(200, 1_500), 3_600_000));
        for (var step = 0; step < steps; step++)
        {
            _partition.Replica.Now += random.NextInt(0, 50);
            Step();
        }

        _partition.Check();
        new CompactedPartition(_partition.Replica.Join(), _partition).Check();
    }

    private void Step()
    {
        switch (random.NextInt(0, 15))
        {
            case <= 5:
                _partition.Append(Compression(), Records());
                break;
            case <= 7:
                Transact();
                break;
            case <= 10:
                _run ??= _partition.NewRun(new CompactionSettings(0.2, 0, random.Pick([0, 500, 100_000]))
                {
                    KeysMax = random.Pick([15, 1_000]), BatchBytes = random.Pick([50, 400, 5_000]),
                });
                _run = _partition.Drive(_run, random.NextInt(1, 12)) ? _run : null;
                break;
            case 11:
                _partition.DeleteBefore(random.NextInt(0, (int)_partition.Replica.Machine.NextOffset));
                break;
            case 12:
                // Who compacted has died, and the partition is led by another one.
                _run = null;
                _partition.Replica.Term = new Term(_partition.Replica.Term.Value + 1);
                break;
            case 13:
                _partition = new CompactedPartition(_partition.Replica.Restart(), _partition);
                _partition.Check();
                break;
            default:
                var joined = new CompactedPartition(_partition.Replica.Join(), _partition);
                joined.Check();
                if (random.NextInt(0, 1) == 0)
                {
                    _partition = joined;
                }

                break;
        }
    }

    private void Transact()
    {
        if (!_isOpen)
        {
            _partition.Replica.Begin(7, 0, ++_transaction);
            _isOpen = true;
        }
        else if (random.NextInt(0, 2) == 0)
        {
            _partition.End(7, random.NextInt(0, 1) == 0, _transaction);
            _isOpen = false;
        }
        else
        {
            var records = Records();
            _partition.AppendInTransaction(Compression(), 7, _sequence, records);
            _sequence += records.Length;
        }
    }

    private RecordCompression Compression() => random.Pick(
        [RecordCompression.None, RecordCompression.Gzip, RecordCompression.Snappy, RecordCompression.Lz4, RecordCompression.Zstandard]);

    private (string Key, string? Value)[] Records() =>
    [
        .. Enumerable.Range(0, random.NextInt(1, 5)).Select(_ => (
            $"key {random.NextInt(0, 12)}",
            random.NextInt(0, 4) == 0 ? null : new string((char)random.NextInt('a', 'z'), random.NextInt(1, 60)))),
    ];
}

/// <summary>A record as a reader gets it.</summary>
internal sealed record SeenRecord(long Offset, long Timestamp, string? Key, string? Value);

/// <summary>A partition, all records that were ever committed to it, and what readers of it must find.</summary>
internal sealed class CompactedPartition
{
    private readonly SortedDictionary<long, SeenRecord> _committed;
    private readonly List<SeenRecord> _pending;
    private readonly RecordCodec _codec = new();

    public CompactedPartition(PartitionReplica replica, CompactedPartition? before = null)
    {
        Replica = replica;
        (_committed, _pending) = (before?._committed ?? [], before?._pending ?? []);
        if (before is not null)
        {
            Assert.Equal(before.Replica.Machine.StateHash(), replica.Machine.StateHash());
            Assert.Equal(before.Replica.Machine.LogStart, replica.Machine.LogStart);
        }
    }

    public PartitionReplica Replica { get; }

    public void Append(RecordCompression compression, params (string Key, string? Value)[] records)
    {
        var result = Replica.Append(Build(compression, records).Build());
        Assert.Equal(PartitionStatus.Ok, result.Status);
        foreach (var record in Seen(result.BaseOffset, records))
        {
            _committed.Add(record.Offset, record);
        }
    }

    public void AppendInTransaction(
        RecordCompression compression, long producer, int sequence, params (string Key, string? Value)[] records)
    {
        var result = Replica.Append(Build(compression, records).Build(producer, 0, sequence, isTransactional: true));
        Assert.Equal(PartitionStatus.Ok, result.Status);
        _pending.AddRange(Seen(result.BaseOffset, records));
    }

    public void End(long producer, bool isCommit, int number)
    {
        Assert.Equal(PartitionStatus.Ok, Replica.End(producer, 0, isCommit, number).Status);
        foreach (var record in isCommit ? _pending : [])
        {
            _committed.Add(record.Offset, record);
        }

        _pending.Clear();
    }

    public void DeleteBefore(long offset) => Assert.Equal(PartitionStatus.Ok, Replica.DeleteBefore(offset).Status);

    public CompactionRun NewRun(CompactionSettings settings) => new(settings, Replica.Now);

    public CompactionStatus Status() => CompactionStatus.TryRead(Replica.Ask(PartitionQuery.WriteCompaction))!;

    /// <summary>Compacts to the end; why not, when not.</summary>
    public string? Compact(CompactionSettings settings)
    {
        var run = NewRun(settings);
        Assert.False(Drive(run, int.MaxValue));
        return run.WhyNot;
    }

    /// <summary>Brings a run what it wants, so many times; whether it wants more.</summary>
    public bool Drive(CompactionRun run, int stepsMax)
    {
        for (var step = 0; step < stepsMax && run.Step != CompactionStep.Nothing; step++)
        {
            switch (run.Step)
            {
                case CompactionStep.Status:
                    run.Take(Status());
                    break;
                case CompactionStep.Batches:
                    run.Take(Fetched(run.Fetch with { BytesMax = 500 }));
                    break;
                default:
                    Assert.True(PartitionCommand.Validate(run.Command).IsNone);
                    run.Take(Replica.Propose(writer => writer.WriteRaw(run.Command.Span)));
                    break;
            }
        }

        return run.Step != CompactionStep.Nothing;
    }

    /// <summary>What a reader of committed records sees from an offset on.</summary>
    public List<SeenRecord> Read(long from)
    {
        var seen = new List<SeenRecord>();
        var offset = Math.Max(from, Replica.Machine.LogStart);
        while (offset < Replica.Machine.LastStable)
        {
            var fetched = Fetched(new PartitionFetch(offset, 700, IsCommitted: true));
            Assert.Equal(PartitionStatus.Ok, fetched.Places.Status);
            Assert.NotEmpty(fetched.Places.Batches);
            foreach (var place in fetched.Places.Batches)
            {
                Assert.True(place.Index > Replica.Machine.SnapshotPoint!.Value.Index);
                Assert.True(place.LastOffset >= offset);
                var batch = Replica.Serve(place);
                Assert.Equal((place.BaseOffset, place.LastOffset), (batch.Header.BaseOffset, batch.Header.LastOffset));
                if (!batch.Header.IsControl && !IsAborted(fetched.Places, batch.Header))
                {
                    seen.AddRange(RecordsOf(batch).Where(record => record.Offset >= offset));
                }

                offset = place.LastOffset + 1;
            }
        }

        return seen;
    }

    /// <summary>Whoever reads from the beginning ends with the last record of each key, and sees none that was never written.</summary>
    public void Check()
    {
        var (start, end) = (Replica.Machine.LogStart, Replica.Machine.LastStable);
        var seen = Read(0);
        Assert.Equal(seen.Select(record => record.Offset).Order().Distinct(), seen.Select(record => record.Offset));
        Assert.All(seen, record => Assert.Equal(_committed[record.Offset], record));
        var ends = seen.GroupBy(record => record.Key!).ToDictionary(group => group.Key, group => group.Last());
        foreach (var key in _committed.Values.Where(record => record.Offset >= start && record.Offset < end).GroupBy(record => record.Key!))
        {
            var last = key.Last();
            if (last.Value is not null || ends.ContainsKey(key.Key))
            {
                Assert.True(ends.TryGetValue(key.Key, out var found), $"{last} is gone");
                Assert.Equal(last, found);
            }
        }

        var clean = seen.Where(record => record.Offset < Status().CleanEnd).ToList();
        Assert.Equal(clean.Count, clean.Select(record => record.Key).Distinct().Count());
    }

    private static bool IsAborted(FetchPlaces places, RecordBatchHeader header) => header.IsTransactional
        && places.Aborted.Any(aborted => aborted.ProducerId == header.ProducerId
            && aborted.FirstOffset <= header.BaseOffset && header.BaseOffset < aborted.MarkerOffset);

    private IEnumerable<SeenRecord> Seen(long baseOffset, (string Key, string? Value)[] records) =>
        records.Select((record, i) => new SeenRecord(baseOffset + i, Replica.Now + i, record.Key, record.Value));

    private RecordBatchBuilder Build(RecordCompression compression, (string Key, string? Value)[] records)
    {
        var builder = new RecordBatchBuilder { Compression = compression };
        for (var i = 0; i < records.Length; i++)
        {
            builder.Add(
                Replica.Now + i, Encoding.UTF8.GetBytes(records[i].Key),
                records[i].Value is { } value ? Encoding.UTF8.GetBytes(value) : default(ReadOnlyMemory<byte>?));
        }

        return builder;
    }

    private FetchedBatches Fetched(in PartitionFetch fetch)
    {
        var places = Replica.Fetch(fetch.Offset, fetch.BytesMax, fetch.IsCommitted);
        return new FetchedBatches(places, places.Batches.SelectMany(place => Replica.Serve(place).Memory.ToArray()).ToArray());
    }

    private List<SeenRecord> RecordsOf(RecordBatch batch)
    {
        Assert.Equal(CompressionFault.None, _codec.Decompress(batch, out var bytes));
        var reader = new RecordReader(bytes, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        var records = new List<SeenRecord>();
        while (reader.TryNext(out var record))
        {
            records.Add(new SeenRecord(
                batch.Header.BaseOffset + record.OffsetDelta, batch.Header.BaseTimestamp + record.TimestampDelta,
                Text(record.Key), Text(record.Value)));
        }

        Assert.True(reader.IsComplete);
        return records;
    }

    private static string? Text(ReadOnlyMemory<byte>? bytes) => bytes is { } some ? Encoding.UTF8.GetString(some.Span) : null;
}
