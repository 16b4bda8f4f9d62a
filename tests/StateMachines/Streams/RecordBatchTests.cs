using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>Record batches of format 2, as they are on the wire and in the log.</summary>
public sealed class RecordBatchTests
{
    // One batch of kcat 1.7.1 (librdkafka 2.0.2): key "k1", value "hello".
    private static readonly byte[] Real = Convert.FromHexString(
        "00000000000000000000003f0000000002c70b6d51000000000000000001a1ff38ca1d000001a1ff38ca1dffffffffffffffffffffffffffff00000001"
        + "1a000000046b310a68656c6c6f00");

    [Fact]
    public void A_batch_of_a_real_client_is_read_to_its_last_byte()
    {
        Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(Real, out var batch));
        Assert.Equal(
            (0L, Real.Length, 0, 1, -1L, (short)-1, -1),
            (batch.Header.BaseOffset, batch.Header.SizeBytes, batch.Header.LastOffsetDelta, batch.Header.RecordCount,
                batch.Header.ProducerId, batch.Header.ProducerEpoch, batch.Header.BaseSequence));
        Assert.Equal(0x01a1ff38ca1d, batch.Header.MaxTimestamp);
        var reader = new RecordReader(batch.Records, batch.Header.RecordCount);
        Assert.True(reader.TryNext(out var record));
        Assert.Equal(("k1", "hello"), (Text(record.Key), Text(record.Value)));
        Assert.Empty(record.Headers);
        Assert.True(reader.IsComplete);
    }

    [Fact]
    public void What_the_builder_makes_of_the_same_record_are_the_same_bytes()
    {
        var builder = new RecordBatchBuilder();
        builder.Add(0x01a1ff38ca1d, Encoding.UTF8.GetBytes("k1"), Encoding.UTF8.GetBytes("hello"));
        var built = builder.Build();
        RecordBatchHeader.Place(built, 0, 0);
        Assert.Equal(Convert.ToHexStringLower(Real), Convert.ToHexStringLower(built));
    }

    [Fact]
    public void Offset_and_epoch_are_set_without_touching_the_checksum()
    {
        var placed = Real.ToArray();
        RecordBatchHeader.Place(placed, 123_456_789_012, 77);
        Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(placed, out var batch));
        Assert.Equal((123_456_789_012, 77), (batch.Header.BaseOffset, batch.Header.LeaderEpoch));
        Assert.Equal(Real.AsSpan(16).ToArray(), placed.AsSpan(16).ToArray());
    }

    [Fact]
    public void A_flipped_bit_is_noticed_wherever_the_checksum_looks()
    {
        for (var at = 0; at < Real.Length; at++)
        {
            var damaged = Real.ToArray();
            damaged[at] ^= 0x10;
            var isCovered = at is not (< 8 or (>= 12 and < 16));
            Assert.Equal(isCovered, RecordBatch.ReadProduced(damaged, out _) != RecordBatchFault.None);
        }
    }

    [Fact]
    public void A_batch_that_is_cut_or_followed_by_something_is_refused()
    {
        for (var length = 0; length < Real.Length; length++)
        {
            Assert.Equal(RecordBatchFault.Truncated, RecordBatch.ReadProduced(Real.AsMemory(0, length), out _));
        }

        Assert.Equal(RecordBatchFault.LeftOver, RecordBatch.ReadProduced((byte[])[.. Real, 0], out _));
        Assert.Equal(RecordBatchFault.None, RecordBatch.Read((byte[])[.. Real, 0], out var batch));
        Assert.Equal(Real.Length, batch.Memory.Length);
    }

    [Theory]
    [InlineData(16, 1, RecordBatchFault.Format)]
    [InlineData(22, 5, RecordBatchFault.Attributes)] // a compression that there is not
    [InlineData(22, 8, RecordBatchFault.Attributes)] // the broker's timestamps are not the producer's to set
    [InlineData(21, 1, RecordBatchFault.Attributes)]
    [InlineData(22, 0x20, RecordBatchFault.Control)]
    [InlineData(26, 1, RecordBatchFault.Count)]
    [InlineData(60, 2, RecordBatchFault.Count)]
    [InlineData(22, 0x10, RecordBatchFault.Producer)] // a transaction without a producer
    [InlineData(50, 7, RecordBatchFault.Producer)]
    public void What_a_producer_may_not_send_is_refused_by_its_name(int at, byte value, RecordBatchFault expected)
    {
        var changed = Real.ToArray();
        if (at == 50)
        {
            changed.AsSpan(43, 8).Clear();
        }

        changed[at] = value;
        RecordBatchHeader.Seal(changed);
        Assert.Equal(expected, RecordBatch.ReadProduced(changed, out _));
    }

    // kafkajs and @platformatic/kafka have 0 where others have -1.
    [Theory]
    [InlineData(-1, -1)]
    [InlineData(0, 0)]
    [InlineData(7, 9)]
    public void Without_a_producer_its_epoch_and_sequence_mean_nothing(short epoch, int sequence)
    {
        var builder = new RecordBatchBuilder();
        builder.Add(1, null, "v"u8.ToArray());
        Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(builder.Build(-1, epoch, sequence), out var batch));
        Assert.False(batch.Header.HasProducer);
    }

    [Fact]
    public void Records_with_anything_in_them_come_back()
    {
        var random = new Prng(3);
        var builder = new RecordBatchBuilder();
        for (var round = 0; round < 50; round++)
        {
            var records = new List<(long Timestamp, byte[]? Key, byte[]? Value, int Headers)>();
            for (var i = random.NextInt(1, 40); i > 0; i--)
            {
                records.Add((random.NextInt(0, 1_000_000), Bytes(random), Bytes(random), random.NextInt(0, 3)));
                var headers = Enumerable.Range(0, records[^1].Headers)
                    .Select(number => new RecordHeaderField(Encoding.UTF8.GetBytes($"h{number}"), Nullable(Bytes(random))));
                builder.Add(records[^1].Timestamp, Nullable(records[^1].Key), Nullable(records[^1].Value), [.. headers]);
            }

            Assert.Equal(RecordBatchFault.None, RecordBatch.ReadProduced(builder.Build(7, 1, 0), out var batch));
            Assert.Equal(records.Max(record => record.Timestamp), batch.Header.MaxTimestamp);
            var reader = new RecordReader(batch.Records, batch.Header.RecordCount);
            foreach (var expected in records)
            {
                Assert.True(reader.TryNext(out var record));
                Assert.Equal(expected.Timestamp, batch.Header.BaseTimestamp + record.TimestampDelta);
                Assert.Equal(expected.Key, record.Key?.ToArray());
                Assert.Equal(expected.Value, record.Value?.ToArray());
                Assert.Equal(expected.Headers, record.Headers.Count);
            }

            Assert.True(reader.IsComplete);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_marker_is_what_was_decided(bool isCommit)
    {
        var marker = new TransactionMarker(99, 4, isCommit, 12);
        var batch = marker.ToBatch(1234);
        Assert.True(TransactionMarker.TryRead(batch, out var read));
        Assert.Equal(marker, read);
        Assert.Equal(RecordBatchFault.Control, RecordBatch.ReadProduced(batch, out _));
        Assert.False(TransactionMarker.TryRead(Real, out _));
    }

    [Fact]
    public void A_producers_numbers_begin_again_behind_the_largest()
    {
        Assert.Equal(0, ProducerSequence.Next(int.MaxValue));
        Assert.Equal(4, ProducerSequence.Add(int.MaxValue, 5));
        Assert.Equal(int.MaxValue, ProducerSequence.Add(int.MaxValue - 5, 5));
        Assert.True(ProducerSequence.IsBefore(int.MaxValue, 0));
        Assert.True(ProducerSequence.IsBefore(3, 4));
        Assert.False(ProducerSequence.IsBefore(4, 3));
        Assert.False(ProducerSequence.IsBefore(4, 4));
    }

    private static byte[]? Bytes(Prng random)
    {
        if (random.NextInt(0, 4) == 0)
        {
            return null;
        }

        var bytes = new byte[random.NextInt(0, 100)];
        random.Fill(bytes);
        return bytes;
    }

    private static ReadOnlyMemory<byte>? Nullable(byte[]? bytes)
    {
        if (bytes is null)
        {
            return null;
        }

        return bytes;
    }

    private static string Text(ReadOnlyMemory<byte>? bytes) => Encoding.UTF8.GetString(bytes!.Value.Span);
}
