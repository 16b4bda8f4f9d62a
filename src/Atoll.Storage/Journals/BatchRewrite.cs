using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// Writes a whole batch again in its place, with a sync, from what a read says that has been verified. A torn write of the same bytes
/// changes
/// nothing.
/// </summary>
internal sealed class BatchRewrite
{
    private const int ReadsMax = 3;

    private static readonly Probe RewrittenProbe = Probe.Define("journal: unproven batch written again at open");

    private readonly Segment _segment;
    private readonly long _offsetBytes;
    private readonly long _sequence;
    private readonly Action<DiskResult> _done;
    private int _reads;

    /// <summary>A rewrite of the batch at a place.</summary>
    public BatchRewrite(Segment segment, long offsetBytes, long sequence, Action<DiskResult> done)
    {
        _segment = segment;
        _offsetBytes = offsetBytes;
        _sequence = sequence;
        _done = done;
    }

    /// <summary>Begins.</summary>
    public void Start() => Read(JournalFormat.BlockBytes);

    private void Read(long length)
    {
        var buffer = new byte[length];
        _segment.File!.Read(_offsetBytes, buffer, result =>
        {
            if (!result.IsOk)
            {
                Again(result);
                return;
            }

            var isHeader = BatchHeader.TryRead(buffer, _segment.Number, _segment.Mask, out var header, out _);
            var batchBytes = BatchHeader.SizeBytes + (long)header.BodyBytes;
            if (!isHeader || header.Sequence != _sequence || _offsetBytes + batchBytes > _segment.LengthBytes)
            {
                Again(new DiskResult(DiskStatus.Failed, 0, $"{_segment.Name} at byte {_offsetBytes} reads differently each time"));
            }
            else if (batchBytes > buffer.Length)
            {
                Read(JournalFormat.RoundUp(batchBytes));
            }
            else
            {
                Write(buffer, header, (int)batchBytes);
            }
        });
    }

    private void Write(byte[] buffer, BatchHeader header, int batchBytes)
    {
        if (Crc32C.Compute(buffer.AsSpan(BatchHeader.SizeBytes, header.BodyBytes)) != header.BodyChecksum)
        {
            Again(new DiskResult(DiskStatus.Failed, 0, $"{_segment.Name} at byte {_offsetBytes} reads differently each time"));
            return;
        }

        RewrittenProbe.Hit();
        _segment.File!.Write(_offsetBytes, buffer.AsMemory(0, batchBytes), sync: true, _done);
    }

    private void Again(DiskResult otherwise)
    {
        if (++_reads == ReadsMax)
        {
            _done(otherwise);
        }
        else
        {
            Start();
        }
    }
}
