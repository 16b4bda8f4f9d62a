using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;
using Atoll.Storage.Journals;

namespace Atoll.Storage.Inspection;

/// <summary>Takes a segment of a journal apart: headers, durable mark, batches and their records; zeros are passed over.</summary>
internal sealed class SegmentDump(IDiskFile file, ulong number, Func<FilePart, bool> take, Action<string?> done)
{
    private uint _mask;

    /// <summary>Begins.</summary>
    public void Start()
    {
        var head = new byte[JournalFormat.DataOffset];
        file.Read(0, head, result =>
        {
            if (!result.IsOk)
            {
                done(result.Detail ?? "it cannot be read");
            }
            else if (TakeHead(head.AsSpan(0, (int)result.Bytes)))
            {
                Next(JournalFormat.DataOffset);
            }
            else
            {
                done(null);
            }
        });
    }

    private bool TakeHead(ReadOnlySpan<byte> head)
    {
        var isKnown = false;
        foreach (var offset in new[] { 0, JournalFormat.HeaderCopyOffset })
        {
            var state = SegmentHeader.Read(head[Math.Min(offset, head.Length)..], out var header, out var version);
            if (state == SegmentHeaderState.Valid && !isKnown)
            {
                _mask = JournalFormat.Mask(header.Identity, header.Number);
                isKnown = true;
            }

            var what = state == SegmentHeaderState.Valid
                ? $"header: journal {header.Identity:x16}, segment {header.Number:x}, format {version}" : $"header: {state}";
            var part = new FilePart(offset, SegmentHeader.SizeBytes, what)
            {
                Damage = state == SegmentHeaderState.Valid && header.Number == number ? null : "it is no header of this segment",
            };
            if (!take(part))
            {
                return false;
            }
        }

        return isKnown && (head.Length <= JournalFormat.MarkOffset
            || !DurableMark.TryRead(head[JournalFormat.MarkOffset..], number, _mask, out var mark)
            || take(new FilePart(JournalFormat.MarkOffset, DurableMark.SizeBytes, $"mark: durable through batch {mark.DurableSequence}")));
    }

    private void Next(long offset)
    {
        if (offset >= file.LengthBytes)
        {
            done(null);
            return;
        }

        var block = new byte[JournalFormat.BlockBytes];
        file.Read(offset, block, result =>
        {
            if (!result.IsOk)
            {
                done(result.Detail ?? "it cannot be read");
            }
            else if (BatchHeader.TryRead(block, number, _mask, out var header, out _))
            {
                ReadBatch(offset, header);
            }
            else if (block.AsSpan().IndexOfAnyExcept((byte)0) < 0
                || take(new FilePart(offset, block.Length, "block") { Damage = "no batch begins here" }))
            {
                Next(offset + JournalFormat.BlockBytes);
            }
            else
            {
                done(null);
            }
        });
    }

    private void ReadBatch(long offset, BatchHeader header)
    {
        var body = new byte[(int)Math.Min(header.BodyBytes, Math.Max(0, file.LengthBytes - offset - BatchHeader.SizeBytes))];
        file.Read(offset + BatchHeader.SizeBytes, body, result =>
        {
            var isWhole = result.IsOk && body.Length == header.BodyBytes && Crc32C.Compute(body) == header.BodyChecksum;
            var batch = new FilePart(
                offset, header.BodyBytes,
                $"batch {header.Sequence}: {header.Records} records; durable then through {header.DurableSequence}, needed from segment "
                    + $"{header.OldestNeededSegment:x}")
            {
                Damage = isWhole ? null : "its records do not match its checksum",
            };
            if (take(batch) && TakeRecords(offset + BatchHeader.SizeBytes, body))
            {
                Next(offset + (isWhole ? JournalFormat.RoundUp(BatchHeader.SizeBytes + (long)header.BodyBytes) : JournalFormat.BlockBytes));
            }
            else
            {
                done(null);
            }
        });
    }

    private bool TakeRecords(long offset, ReadOnlySpan<byte> body)
    {
        for (var at = 0; RecordHeader.TryRead(body[at..], out var header);)
        {
            var length = RecordHeader.SizeBytes + header.PayloadBytes;
            var kind = header.Type is RecordType.Entry or RecordType.MovedEntry ? $" {header.Kind}" : "";
            var record = new FilePart(
                offset + at, length, $"  {header.Type}{kind}: shard {header.Shard}, index {header.Index}, term {header.Term}")
            {
                Damage = RecordHeader.IsIntact(body.Slice(at, length), _mask) ? null : "its checksum does not fit",
            };
            if (!take(record))
            {
                return false;
            }

            at += length;
        }

        return true;
    }
}
