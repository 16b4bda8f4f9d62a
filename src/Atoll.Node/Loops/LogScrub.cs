using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Storage.Journals;

namespace Atoll.Node.Loops;

/// <summary>
/// Reads the entries of all logs of a journal from the disk, one after the other, to find damage before a follower or a restart needs what
/// is damaged. What it finds the log remembers itself, as with any other read.
/// </summary>
internal sealed class LogScrub(Journal journal)
{
    private const int ReadBytes = 64 * 1024;

    // What a read costs, however little it brings: of ten thousand logs with one entry each, few are read a second.
    private const int ReadCostBytesMin = 4 * 1024;

    // The logs that this pass still has to read. Those that are made meanwhile are read in the next one.
    private readonly Queue<ShardId> _left = [];
    private ShardId _shard;
    private LogIndex _next;
    private long _budgetBytes;
    private bool _isPassBegun;
    private bool _isBegun;
    private bool _isBusy;

    /// <summary>Bytes of entries that were read.</summary>
    public long Bytes { get; private set; }

    /// <summary>What the reads have cost, in bytes: each at least what a small one costs.</summary>
    public long CostBytes { get; private set; }

    /// <summary>Times that all logs were read.</summary>
    public long Passes { get; private set; }

    /// <summary>Damaged entries that it found.</summary>
    public long Damaged { get; private set; }

    /// <summary>Reads about so many bytes more; ends early at the end of a pass.</summary>
    public void Work(long budgetBytes)
    {
        _budgetBytes = budgetBytes;
        Continue();
    }

    private void Continue()
    {
        while (!_isBusy && _budgetBytes > 0)
        {
            if (!_isBegun && !TryBeginNext())
            {
                _isPassBegun = false;
                _budgetBytes = 0;
                Passes++;
                return;
            }

            Read();
        }
    }

    private bool TryBeginNext()
    {
        if (!_isPassBegun)
        {
            _isPassBegun = true;
            foreach (var shard in journal.Shards)
            {
                _left.Enqueue(shard);
            }
        }

        while (_left.TryDequeue(out _shard))
        {
            if (journal.TryGetShard(_shard, out var log) && log.Damage is null && log.LastIndex >= log.FirstIndex)
            {
                _next = log.FirstIndex;
                return _isBegun = true;
            }
        }

        return false;
    }

    private void Read()
    {
        if (!journal.TryGetShard(_shard, out var log) || log.Damage is not null
            || (_next = LogIndex.Max(_next, log.FirstIndex)) > log.LastIndex)
        {
            _isBegun = false;
            return;
        }

        _isBusy = true;
        log.ReadDurable(_next, log.LastIndex, ReadBytes, read =>
        {
            _isBusy = false;
            var bytes = read.Entries.Sum(static entry => (long)entry.SizeBytes);
            Bytes += bytes;
            CostBytes += Math.Max(ReadCostBytesMin, bytes);
            _budgetBytes -= Math.Max(ReadCostBytesMin, bytes);
            Damaged += read.Status == LogReadStatus.Corrupt ? 1 : 0;
            if (read.Status == LogReadStatus.Ok)
            {
                _next = read.Entries[^1].Index.Next;
            }
            else
            {
                _isBegun = false;
            }

            Continue();
        });
    }
}
