using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// The sizes of the most recent entries, so that what is sent can be cut by bytes although the core holds no payloads. Kept as running sums
/// in a ring: the size of any range is one subtraction. Older entries, and those read from disk at a start, have no known size.
/// </summary>
internal sealed class EntrySizes
{
    /// <summary>Sizes kept, at most (32 KiB a shard): a pipeline's worth; who is further behind is served from disk anyway.</summary>
    internal const int KeptMax = 4096;

    // _sums[i & mask] is the sum of the sizes of all entries appended through index i, for i in [_knownAfter, _last].
    private long[] _sums = new long[16];
    private LogIndex _knownAfter;
    private LogIndex _last;

    internal EntrySizes(LogIndex last) => Reset(last);

    internal void Append(LogIndex index, int sizeBytes)
    {
        Check.That(index == _last.Next);
        Check.That(sizeBytes >= 0);
        if ((int)(_last - _knownAfter) + 1 == _sums.Length)
        {
            MakeRoom();
        }

        var sum = SumAt(_last) + sizeBytes;
        _last = index;
        _sums[Slot(index)] = sum;
    }

    internal void CutFrom(LogIndex first)
    {
        if (first <= _knownAfter)
        {
            Reset(first.Previous);
        }
        else
        {
            _last = LogIndex.Min(_last, first.Previous);
        }
    }

    internal void Reset(LogIndex last)
    {
        _knownAfter = last;
        _last = last;
        _sums[Slot(last)] = 0;
    }

    /// <summary>
    /// How far a message that starts at <paramref name="first"/> may reach: about so many bytes, one entry at least. False when the sizes
    /// from there on are not known.
    /// </summary>
    internal bool TryFit(LogIndex first, LogIndex last, long bytesMax, out LogIndex through, out long bytes)
    {
        Check.That(first <= last && last <= _last);
        if (first <= _knownAfter)
        {
            through = first;
            bytes = 0;
            return false;
        }

        var before = SumAt(first.Previous);
        if (SumAt(last) - before <= bytesMax)
        {
            through = last;
        }
        else
        {
            // The sums ascend: find the last index within the budget.
            var low = first.Value;
            var high = last.Value;
            while (low < high)
            {
                var middle = low + ((high - low + 1) / 2);
                if (SumAt(new LogIndex(middle)) - before <= bytesMax)
                {
                    low = middle;
                }
                else
                {
                    high = middle - 1;
                }
            }

            through = new LogIndex(low);
        }

        bytes = SumAt(through) - before;
        return true;
    }

    private long SumAt(LogIndex index) => _sums[Slot(index)];

    private int Slot(LogIndex index) => (int)(index.Value & (ulong)(_sums.Length - 1));

    private void MakeRoom()
    {
        if (_sums.Length == KeptMax)
        {
            _knownAfter = _knownAfter.Next;
            return;
        }

        var old = _sums;
        _sums = new long[old.Length * 2];
        for (var index = _knownAfter; index <= _last; index = index.Next)
        {
            _sums[Slot(index)] = old[(int)(index.Value & (ulong)(old.Length - 1))];
        }
    }
}
