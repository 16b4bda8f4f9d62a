using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// A small journal with all that happened to it: segments, one of them reclaimed, batches with every type of record, with and without a
/// durable mark, and what it held after each flush.
/// </summary>
internal sealed class JournalHistory
{
    public const string Folder = "journal";

    public static readonly JournalOptions Options = new()
    {
        SegmentBytes = 64 * 1024,
        BatchBytes = 16 * 1024,
        CacheBytes = 0,
        Identity = 77,
    };

    private readonly List<(long Sequence, string Content)> _contents = [];
    private readonly List<(string File, int Offset, byte[] Header, long DurableSequence)> _proofs = [];

    private JournalHistory()
    {
        var disk = new ImageDisk();
        Journal? journal = null;
        Journal.Open(disk, Folder, Options, opening => journal = opening.Journal);
        disk.Pump();
        _contents.Add((0, Describe(journal!, disk)));
        var (one, two) = (journal!.Shard(new ShardId(1)), journal.Shard(new ShardId(2)));
        one.SaveHardState(new HardState(new Term(1), new NodeId(2)));
        one.Append([Entry(1, 1, 3), Entry(2, 1, 5), Entry(3, 2, 0)]);
        Written();
        one.CompactPrefix(new LogIndex(1));
        two.Append([Entry(1, 1, 1)]);
        two.ResetTo(new LogIndex(5), new Term(3));
        journal.Shard(new ShardId(3)).Append([Entry(1, 1, 7)]);
        Written();
        journal.DropShard(new ShardId(3));
        one.Append([Entry(3, 3, 45_000)]);
        Written();
        two.Append([Entry(6, 4, 3), Entry(7, 4, 5)]);
        one.Append([Entry(4, 4, 7_000)]);
        Written();
        one.Append([Entry(5, 4, 4)]);
        Written();
        var unmarked = disk.Copy();
        journal.Maintain();
        disk.Pump();
        Names = [.. disk.Files.Keys];
        foreach (var (name, bytes) in disk.Files)
        {
            if (DurableMark.TryRead(bytes.AsSpan(JournalFormat.MarkOffset), NumberOf(name), MaskOf(name), out var mark))
            {
                var written = bytes.AsSpan(JournalFormat.MarkOffset, DurableMark.SizeBytes).ToArray();
                _proofs.Add((name, JournalFormat.MarkOffset, written, mark.DurableSequence));
            }
        }

        Images = [[.. disk.Files.Values], [.. unmarked.Files.Values]];

        void Written()
        {
            disk.Writes.Clear();
            journal.Flush();
            disk.Pump();
            _contents.Add((journal.DurableSequence, Describe(journal, disk)));
            foreach (var (name, offset, _, _) in disk.Writes.Where(write => write.Offset >= JournalFormat.DataOffset))
            {
                var header = disk.Files[name].AsSpan((int)offset, BatchHeader.SizeBytes);
                if (BatchHeader.TryRead(header, NumberOf(name), MaskOf(name), out var batch, out _))
                {
                    _proofs.Add((name, (int)offset, header.ToArray(), batch.DurableSequence));
                }
            }
        }
    }

    /// <summary>The one there is: it is never changed.</summary>
    public static JournalHistory Instance { get; } = new();

    /// <summary>The segments at the end: with the durable mark, and without it.</summary>
    public IReadOnlyList<IReadOnlyList<byte[]>> Images { get; }

    /// <summary>The names of the segments.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>After how many flushes the journal held just this; -1 when it never did.</summary>
    public int FlushesUntil(string content) => _contents.FindLastIndex(known => known.Content == content);

    /// <summary>How many flushes something that is intact, at its place in its segment, says were durable.</summary>
    public int Proven(ImageDisk disk)
    {
        var proven = 0L;
        foreach (var (file, offset, header, durable) in _proofs)
        {
            if (disk.Files.TryGetValue(file, out var bytes) && bytes.Length >= offset + header.Length
                && bytes.AsSpan(offset, header.Length).SequenceEqual(header))
            {
                proven = Math.Max(proven, durable);
            }
        }

        return _contents.FindLastIndex(known => known.Sequence <= proven);
    }

    /// <summary>All that a journal holds, in words: equal for equal content. Entries that cannot be read are named so.</summary>
    public static string Describe(Journal journal, ImageDisk disk)
    {
        var text = new StringBuilder();
        foreach (var shard in journal.Shards)
        {
            var log = journal.Shard(shard);
            text.Append(CultureInfo.InvariantCulture, $"shard {shard}: term {log.HardState.Term} vote {log.HardState.Vote}")
                .Append(CultureInfo.InvariantCulture, $" after {log.CompactedIndex}/{log.CompactedTerm}:");
            for (var next = log.FirstIndex; next <= log.LastIndex;)
            {
                LogReadResult? end = null;
                log.Read(next, log.LastIndex, int.MaxValue, read => end = read);
                disk.Pump();
                BrokenPromiseException.Unless(end is not null, "a read comes to an end");
                var read = end.Value;
                if (read.Status != LogReadStatus.Ok || read.Entries.Count == 0)
                {
                    text.Append(CultureInfo.InvariantCulture, $" {read.Status} at {next}");
                    break;
                }

                foreach (var entry in read.Entries)
                {
                    BrokenPromiseException.Unless(entry.Index == next, "entries are read in order");
                    text.Append(CultureInfo.InvariantCulture, $" {entry.Index}/{entry.Term}/{entry.Kind}/")
                        .Append(CultureInfo.InvariantCulture, $"{StableHash.Compute(entry.Payload.Span):x}");
                    next = next.Next;
                }
            }

            text.AppendLine();
        }

        return text.ToString();
    }

    private static ulong NumberOf(string name) =>
        JournalFormat.TryParseSegmentName(name[(Folder.Length + 1)..], out var number) ? number : 0;

    private static uint MaskOf(string name) => JournalFormat.Mask(Options.Identity, NumberOf(name));

    private static LogEntry Entry(ulong index, ulong term, int payloadBytes)
    {
        var payload = new byte[payloadBytes];
        Array.Fill(payload, (byte)(index + (term * 16)));
        return new LogEntry(new LogIndex(index), new Term(term), EntryKind.Command, payload);
    }
}
