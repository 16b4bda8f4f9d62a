using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>The terms of consecutive entries, as runs: a log of a million entries has a handful.</summary>
internal sealed class TermTable
{
    private readonly List<(LogIndex First, Term Term)> _runs = [];

    /// <summary>Where terms begin, ascending.</summary>
    public IReadOnlyList<(LogIndex First, Term Term)> Runs => _runs;

    /// <summary>The next entry has that term.</summary>
    public void Append(LogIndex index, Term term)
    {
        Check.That(_runs.Count == 0 || (index > _runs[^1].First && term >= _runs[^1].Term));
        if (_runs.Count == 0 || _runs[^1].Term != term)
        {
            _runs.Add((index, term));
        }
    }

    /// <summary>Entries at and after the index are gone.</summary>
    public void TruncateFrom(LogIndex index)
    {
        while (_runs.Count > 0 && _runs[^1].First >= index)
        {
            _runs.RemoveAt(_runs.Count - 1);
        }
    }

    /// <summary>Entries up to and with the index are gone; <paramref name="last"/> is the last one before that.</summary>
    public void CompactThrough(LogIndex index, LogIndex last)
    {
        if (index >= last)
        {
            _runs.Clear();
            return;
        }

        var run = Find(index.Next);
        _runs.RemoveRange(0, run);
        _runs[0] = (LogIndex.Max(_runs[0].First, index.Next), _runs[0].Term);
    }

    /// <summary>The term of an entry that is in the table.</summary>
    public Term TermAt(LogIndex index) => _runs[Find(index)].Term;

    private int Find(LogIndex index)
    {
        Check.That(_runs.Count > 0 && index >= _runs[0].First);
        int low = 0, high = _runs.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_runs[middle].First <= index)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }
}
