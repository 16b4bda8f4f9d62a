using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// Which term each index of the log has. A term's entries are consecutive, so where each term starts says it all: a few pairs for a log of
/// any length.
/// </summary>
internal sealed class LogTerms
{
    // Ascending in both; the last one reaches to LastIndex. Nothing at or before CompactedIndex.
    private readonly List<(LogIndex First, Term Term)> _runs = [];

    internal LogTerms(LogIndex compactedIndex, Term compactedTerm, IReadOnlyList<(LogIndex First, Term Term)> runs, LogIndex lastIndex)
    {
        CompactedIndex = compactedIndex;
        CompactedTerm = compactedTerm;
        LastIndex = lastIndex;
        Check.That(lastIndex >= compactedIndex);
        Check.That((runs.Count == 0) == (lastIndex == compactedIndex));
        foreach (var run in runs)
        {
            Check.That(run.First <= lastIndex);
            Check.That(_runs.Count == 0
                ? run.First <= compactedIndex.Next && run.Term >= compactedTerm
                : run.First > _runs[^1].First && run.Term > _runs[^1].Term);
            _runs.Add((LogIndex.Max(run.First, compactedIndex.Next), run.Term));
        }
    }

    /// <summary>The last index that is compacted away; its term is still known.</summary>
    internal LogIndex CompactedIndex { get; private set; }

    internal Term CompactedTerm { get; private set; }

    internal LogIndex LastIndex { get; private set; }

    internal Term LastTerm => _runs.Count == 0 ? CompactedTerm : _runs[^1].Term;

    internal bool TryGetTerm(LogIndex index, out Term term)
    {
        if (index > LastIndex || index < CompactedIndex)
        {
            term = Term.Zero;
            return false;
        }

        term = index == CompactedIndex ? CompactedTerm : _runs[RunOf(index)].Term;
        return true;
    }

    /// <summary>Whether the log has this entry (or is compacted through exactly it).</summary>
    internal bool Has(LogIndex index, Term term) => TryGetTerm(index, out var found) && found == term;

    internal void Append(LogIndex index, Term term)
    {
        Check.That(index == LastIndex.Next);
        Check.That(term >= LastTerm);
        if (_runs.Count == 0 || _runs[^1].Term != term)
        {
            _runs.Add((index, term));
        }

        LastIndex = index;
    }

    /// <summary>Cuts the log before the index.</summary>
    internal void CutFrom(LogIndex first)
    {
        Check.That(first > CompactedIndex && first <= LastIndex);
        while (_runs.Count > 0 && _runs[^1].First >= first)
        {
            _runs.RemoveAt(_runs.Count - 1);
        }

        LastIndex = first.Previous;
    }

    internal void CompactThrough(LogIndex index)
    {
        var known = TryGetTerm(index, out var term);
        Check.That(known);
        if (index == CompactedIndex)
        {
            return;
        }

        if (index == LastIndex)
        {
            _runs.Clear();
        }
        else
        {
            var position = RunOf(index.Next);
            _runs[position] = (LogIndex.Max(_runs[position].First, index.Next), _runs[position].Term);
            _runs.RemoveRange(0, position);
        }

        CompactedIndex = index;
        CompactedTerm = term;
    }

    /// <summary>The log is now empty and starts after this entry.</summary>
    internal void Reset(LogIndex index, Term term)
    {
        _runs.Clear();
        CompactedIndex = index;
        CompactedTerm = term;
        LastIndex = index;
    }

    /// <summary>
    /// The highest index, not above the given one, whose term is not above the given one: the first place below a conflict where two logs
    /// may agree. It skips a whole term at a step (dissertation, 3.5). At and below <see cref="CompactedIndex"/> terms are not compared.
    /// </summary>
    internal LogIndex LastNotAbove(LogIndex index, Term term)
    {
        index = LogIndex.Min(index, LastIndex);
        if (index <= CompactedIndex)
        {
            return index;
        }

        var position = RunOf(index);
        while (position >= 0 && _runs[position].Term > term)
        {
            index = _runs[position].First.Previous;
            position--;
        }

        return index;
    }

    private int RunOf(LogIndex index)
    {
        // From the end: nearly all questions are about the latest entries.
        var position = _runs.Count - 1;
        while (position > 0 && _runs[position].First > index)
        {
            position--;
        }

        Check.That(position >= 0 && _runs[position].First <= index);
        return position;
    }
}
