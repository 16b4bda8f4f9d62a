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

    private ShardId _shard;
    private LogIndex _next;
    private long _budgetBytes;
    private bool _isBegun;
    private bool _isBusy;

    /// <summary>Bytes of entries that were read.</summary>
    public long Bytes { get; private set; }

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
                _shard = ShardId.None;
                _budgetBytes = 0;
                Passes++;
                return;
            }

            Read();
        }
    }

    // The shards may be others than at the last step: the next is the one with the next number.
    private bool TryBeginNext()
    {
        foreach (var shard in journal.Shards)
        {
            var log = journal.Shard(shard);
            if (shard > _shard && log.Damage is null && log.LastIndex >= log.FirstIndex)
            {
                _shard = shard;
                _next = log.FirstIndex;
                return _isBegun = true;
            }
        }

        return false;
    }

    private void Read()
    {
        var log = journal.Shards.Contains(_shard) ? journal.Shard(_shard) : null;
        _next = log is null ? _next : LogIndex.Max(_next, log.FirstIndex);
        if (log is null || log.Damage is not null || _next > log.LastIndex)
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
            _budgetBytes -= Math.Max(1, bytes);
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
