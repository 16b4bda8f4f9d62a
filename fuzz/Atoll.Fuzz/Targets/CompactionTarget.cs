using System.Text;
using Atoll.Foundation.Compression;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// A batch that a producer sent, whatever is in it, among batches of well-behaved ones, is compacted with them: what stays is, record for
/// record, what a simple model says.
/// </summary>
public sealed class CompactionTarget : IFuzzTarget
{
    private const long InputAt = 1000;
    private const long BehindAt = 1L << 33;
    private const int RecordBytesMax = 64 * 1024;

    private static readonly byte[][] Before = [.. RecordBatchTarget.Samples().Select(static (batch, i) => Placed(batch, i * 10))];
    private static readonly byte[][] Behind =
        [.. RecordBatchTarget.Samples().Select(static (batch, i) => Placed(batch, BehindAt + (i * 10)))];


    private readonly RecordBatchTarget _batches = new();
    private readonly RecordCodec _codec = new();

    private readonly record struct Found(long Offset, string Content);

    /// <inheritdoc />
    public string Name => "compaction";

    /// <inheritdoc />
    public string About => "a batch is compacted with others: each key's last record stays as it was, and what cannot be read stays whole";

    /// <inheritdoc />
    // Its neighbours are decompressed and compacted with every input, and told by the model.
    public AllocationBound Allocation => new(64, 8 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [.. RecordBatchTarget.Samples()];

    /// <inheritdoc />
    public void FixChecksums(Span<byte> input) => _batches.FixChecksums(input);

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (RecordBatch.ReadProduced(input, out var sent) is not RecordBatchFault.None and var fault)
        {
            return Verdict.Refused($"{fault}");
        }

        if (_codec.Decompress(sent, out var records, RecordBytesMax) == CompressionFault.None && records.Length > RecordBytesMax / 2)
        {
            return Verdict.Accepted("much in little");
        }

        byte[][] all = [.. Before, Placed(input.ToArray(), InputAt), .. Behind];
        var filter = new RecordFilter(new KeyOffsets(1000), tombstonesBefore: 0);
        foreach (var bytes in all)
        {
            BrokenPromiseException.Unless(filter.TryNote(Read(bytes)), "there is room for so few keys");
        }

        var rewriter = new BatchRewriter(filter, 0, batchBytes: 4096);
        foreach (var bytes in all)
        {
            rewriter.Take(Read(bytes), goes: false);
        }

        const long end = BehindAt + 1000;
        rewriter.Finish(end);
        var (kept, whole, next) = (new List<Found>(), 0, 0L);
        while (rewriter.TryTake(out var piece))
        {
            BrokenPromiseException.Unless(piece.From == next && piece.To > piece.From, "pieces follow each other");
            next = piece.To;
            whole += piece.Batch.IsEmpty || TryAdd(Read(piece.Batch), kept, null) ? 0 : 1;
        }

        BrokenPromiseException.Unless(next == end, "pieces reach the end");
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        var unreadable = all.Count(bytes => !TryAdd(Read(bytes), null, last));
        var expected = new List<Found>();
        foreach (var bytes in all)
        {
            TryAdd(Read(bytes), expected, null, (key, offset) => key is null || last[key] == offset);
        }

        BrokenPromiseException.Unless(whole == unreadable, "what cannot be read stays");
        BrokenPromiseException.Unless(kept.SequenceEqual(expected), "what stays is each key's last record, and every one without a key");
        return Verdict.Accepted(unreadable > 0 ? "stays whole" : $"{kept.Count} stay");
    }

    private static byte[] Placed(byte[] batch, long offset)
    {
        RecordBatchHeader.Place(batch, offset, 1);
        return batch;
    }

    private static RecordBatch Read(ReadOnlyMemory<byte> bytes)
    {
        BrokenPromiseException.Unless(RecordBatch.Read(bytes, out var batch) == RecordBatchFault.None, "it is a batch, with its checksum");
        return batch;
    }

    private bool TryAdd(in RecordBatch batch, List<Found>? found, Dictionary<string, long>? last, Func<string?, long, bool>? stays = null)
    {
        if (_codec.Decompress(batch, out var records) != CompressionFault.None)
        {
            return false;
        }

        var reader = new RecordReader(records, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        var all = new List<(string? Key, Found Found)>();
        while (reader.TryNext(out var record))
        {
            var offset = batch.Header.BaseOffset + record.OffsetDelta;
            var key = record.Key is { } bytes ? Convert.ToHexString(bytes.Span) : null;
            var content = new StringBuilder()
                .Append(unchecked(batch.Header.BaseTimestamp + record.TimestampDelta)).Append(' ').Append(key ?? "-").Append(' ')
                .Append(record.Value is { } value ? Convert.ToHexString(value.Span) : "-");
            foreach (var header in record.Headers)
            {
                content.Append(' ').Append(Convert.ToHexString(header.Name.Span)).Append('=')
                    .Append(header.Value is { } text ? Convert.ToHexString(text.Span) : "-");
            }

            all.Add((key, new Found(offset, content.ToString())));
        }

        if (!reader.IsComplete)
        {
            return false;
        }

        foreach (var (key, each) in all)
        {
            if (key is not null && last is not null)
            {
                last[key] = each.Offset;
            }

            if (stays?.Invoke(key, each.Offset) != false)
            {
                found?.Add(each);
            }
        }

        return true;
    }
}
