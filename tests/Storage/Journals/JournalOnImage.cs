using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;

namespace Atoll.Storage.Tests.Journals;

/// <summary>Short words for tests of a journal on an image.</summary>
internal static class JournalOnImage
{
    public const string Folder = "journal";

    public static readonly JournalOptions Small = new()
    {
        SegmentBytes = 64 * 1024,
        BatchBytes = 16 * 1024,
        CacheBytes = 0,
        Identity = 77,
        OpensDamagedShards = true,
    };

    public static JournalOpening TryOpen(ImageDisk disk, JournalOptions? options = null)
    {
        JournalOpening? opening = null;
        Journal.Open(disk, Folder, options ?? Small, o => opening = o);
        disk.Pump();
        Assert.NotNull(opening);
        return opening;
    }

    public static Journal Open(ImageDisk disk, JournalOptions? options = null)
    {
        var opening = TryOpen(disk, options);
        Assert.True(opening.Status == JournalOpeningStatus.Ok, $"{opening.Status} {opening.Corruption} {opening.Detail}");
        return opening.Journal!;
    }

    public static void FlushAll(this Journal journal, ImageDisk disk)
    {
        journal.Flush();
        disk.Pump();
        Assert.Equal(JournalState.Ready, journal.State);
        Assert.Equal(journal.WrittenSequence, journal.DurableSequence);
        Assert.Equal(0, journal.PendingBytes);
    }

    public static ShardId Shard(int number) => new((ulong)number);

    public static LogEntry Entry(int index, int term, string payload = "", EntryKind kind = EntryKind.Command) =>
        new(new LogIndex((ulong)index), new Term((ulong)term), kind, Encoding.UTF8.GetBytes(payload));

    public static LogEntry Entry(int index, int term, int payloadBytes)
    {
        var payload = new byte[payloadBytes];
        Array.Fill(payload, (byte)(index + (term * 16)));
        return new LogEntry(new LogIndex((ulong)index), new Term((ulong)term), EntryKind.Command, payload);
    }

    public static LogReadResult ReadAll(this ShardLog log, ImageDisk disk, int first, int last, int maxBytes = int.MaxValue) =>
        log.ReadAll(disk.Pump, first, last, maxBytes);

    public static LogReadResult ReadAll(this ShardLog log, Action pump, int first, int last, int maxBytes = int.MaxValue)
    {
        LogReadResult? result = null;
        log.Read(new LogIndex((ulong)first), new LogIndex((ulong)last), maxBytes, r => result = r);
        pump();
        Assert.NotNull(result);
        return result.Value;
    }

    /// <summary>All that a journal holds, in words: equal for equal content.</summary>
    public static string Describe(Journal journal, ImageDisk disk) => Describe(journal, disk.Pump);

    /// <summary>All that a journal holds, in words: equal for equal content.</summary>
    public static string Describe(Journal journal, Action pump) =>
        string.Concat(journal.Shards.Select(shard => DescribeShard(journal.Shard(shard), pump)));

    /// <summary>The same, by shard.</summary>
    public static SortedDictionary<ShardId, string> DescribeShards(Journal journal, ImageDisk disk) =>
        new(journal.Shards.ToDictionary(shard => shard, shard => DescribeShard(journal.Shard(shard), disk.Pump)));

    /// <summary>All that a log holds, in words: equal for equal content.</summary>
    public static string DescribeShard(ShardLog log, Action pump)
    {
        var text = new StringBuilder();
        text.Append($"shard {log.ShardId}: term {log.HardState.Term} vote {log.HardState.Vote}");
        text.Append($" after {log.CompactedIndex}/{log.CompactedTerm}:");
        var next = log.FirstIndex;
        while (next <= log.LastIndex)
        {
            var read = log.ReadAll(pump, (int)next.Value, (int)log.LastIndex.Value);
            if (read.Status != LogReadStatus.Ok)
            {
                return $"{read.Status} {read.Corruption}";
            }

            foreach (var entry in read.Entries)
            {
                var hash = Foundation.Bytes.StableHash.Compute(entry.Payload.Span);
                text.Append($" {entry.Index}/{entry.Term}/{entry.Kind}/{entry.Payload.Length}/{hash:x}");
                Assert.Equal(next, entry.Index);
                Assert.Equal(entry.Term, log.TermAt(entry.Index));
                next = next.Next;
            }
        }

        return text.AppendLine().ToString();
    }
}
