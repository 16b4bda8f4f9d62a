using Atoll.Foundation.Time;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Loops;

/// <summary>
/// Paces the reading of everything that is durable: the store's files and then the logs, pass after pass, as fast as a pass in the time
/// that the options give needs; while the loop has better things to do, a slice a second, so that a load that never lets up does not
/// starve it.
/// </summary>
internal sealed class StorageScrub
{
    // What a busy time has held up is caught up with little by little.
    private const long SliceBytesMax = 256 * 1024;
    private static readonly Duration PassInterval = Duration.FromSeconds(1);
    private static readonly Duration HeldUpMax = Duration.FromSeconds(1);

    private readonly LsmStore _store;
    private readonly Journal _journal;
    private readonly LogScrub _logs;
    private readonly Duration _passTime;
    private readonly long _bytesPerSecondMin;
    private Instant _last;
    private Instant _nextPass;
    private long _passBegan;
    private double _allowedBytes;
    private long _countedCostBytes;
    private long _storePasses;
    private long _logPasses;
    private bool _isInLogs;

    /// <summary>A scrub that begins with its first pass at once.</summary>
    /// <param name="store">The loop's store.</param>
    /// <param name="journal">The loop's journal.</param>
    /// <param name="passTime">The time that a pass may take.</param>
    /// <param name="bytesPerSecondMin">The least that is read in a second.</param>
    /// <param name="now">Now.</param>
    public StorageScrub(LsmStore store, Journal journal, Duration passTime, long bytesPerSecondMin, Instant now)
    {
        _store = store;
        _journal = journal;
        _logs = new LogScrub(journal);
        _passTime = passTime;
        _bytesPerSecondMin = bytesPerSecondMin;
        _last = _nextPass = now;
    }

    /// <summary>Times that everything was read.</summary>
    public long Passes { get; private set; }

    /// <summary>When the last pass ended; null before the end of the first.</summary>
    public Instant? LastPassEnded { get; private set; }

    /// <summary>Bytes that the pass under way has read.</summary>
    public long PassBytes => Bytes - _passBegan;

    /// <summary>Bytes that a pass reads, as things are.</summary>
    public long TotalBytes
    {
        get
        {
            var statistics = _store.Statistics;
            return statistics.LevelBytes.Sum() + statistics.ValueFileBytes - statistics.ValueGarbageBytes + _journal.LiveBytes;
        }
    }

    /// <summary>Damage that it found.</summary>
    public long Damaged => _store.Statistics.ScrubDamagedBlocks + _logs.Damaged;

    private long Bytes => _store.Statistics.ScrubbedBytes + _logs.Bytes;

    /// <summary>Gives it the bytes that the time since the last call is worth.</summary>
    /// <param name="now">Now.</param>
    /// <param name="isBusy">Whether the loop has better things to do.</param>
    public void Tick(Instant now, bool isBusy)
    {
        var since = now - _last;
        if ((isBusy && since < HeldUpMax) || now < _nextPass || since <= Duration.Zero)
        {
            return;
        }

        _last = now;
        var bytesPerSecond = Math.Max(_bytesPerSecondMin, TotalBytes / Math.Max(1, _passTime.Seconds));
        var cost = _store.Statistics.ScrubbedBytes + _logs.CostBytes;
        _allowedBytes = Math.Min(SliceBytesMax, _allowedBytes - (cost - _countedCostBytes) + (bytesPerSecond * since.Seconds));
        _countedCostBytes = cost;
        if (_allowedBytes < 1)
        {
            return; // a read takes more than it was given: a whole block, or entries that lie together
        }

        // A pass over either ends when the last read ends, which is after the call that began it.
        if (!_isInLogs && _store.Statistics.ScrubPasses > _storePasses)
        {
            _isInLogs = true;
            _logPasses = _logs.Passes;
        }
        else if (_isInLogs && _logs.Passes > _logPasses)
        {
            EndPass(now);
            return;
        }

        if (_isInLogs)
        {
            _logs.Work((long)_allowedBytes);
        }
        else
        {
            _store.Scrub((long)_allowedBytes);
        }
    }

    private void EndPass(Instant now)
    {
        _isInLogs = false;
        _storePasses = _store.Statistics.ScrubPasses;
        Passes++;
        LastPassEnded = now;
        _nextPass = now + PassInterval;
        _passBegan = Bytes;
    }
}
