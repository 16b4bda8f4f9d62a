using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Simulation.Checkers;

/// <summary>
/// What the replicas of one shard have applied, all of them together: the first to apply an index says what stands there, and every other
/// must agree for ever.
/// </summary>
internal sealed class AgreedLog(ShardId shard)
{
    private readonly List<AgreedEntry> _entries = [];
    private readonly SortedDictionary<ulong, (ulong Hash, NodeId By)> _states = [];
    private readonly SortedDictionary<Term, NodeId> _leaders = [];

    /// <summary>The highest index that anybody has applied.</summary>
    public LogIndex LastIndex => new((ulong)_entries.Count);

    /// <summary>State machine safety (Raft paper, figure 3): no two replicas apply different entries at an index.</summary>
    public void Apply(NodeId node, LogIndex index, Term term, ulong payloadHash, Term replicaTerm)
    {
        var position = (int)index.Value - 1;
        if (position > _entries.Count)
        {
            throw new SafetyViolationException(
                $"{Name(node)} applies index {index}, but nobody ever applied {_entries.Count + 1}: entries were skipped");
        }

        if (position == _entries.Count)
        {
            _entries.Add(new AgreedEntry(term, payloadHash, replicaTerm, node));
            return;
        }

        var agreed = _entries[position];
        if (agreed.Term != term || agreed.PayloadHash != payloadHash)
        {
            throw new SafetyViolationException(
                $"{Name(node)} applies at index {index} an entry of term {term} (payload {payloadHash:x16}), "
                + $"but n{agreed.By} applied one of term {agreed.Term} (payload {agreed.PayloadHash:x16}) there");
        }
    }

    /// <summary>Replicas that applied the same entries hold the same state.</summary>
    public void State(NodeId node, LogIndex index, ulong hash)
    {
        if (!_states.TryGetValue(index.Value, out var known))
        {
            _states[index.Value] = (hash, node);
        }
        else if (known.Hash != hash)
        {
            throw new SafetyViolationException(
                $"{Name(node)} has state {hash:x16} after index {index}, but n{known.By} had {known.Hash:x16}: the replicas diverge");
        }
    }

    /// <summary>Election safety (Raft paper, figure 3): at most one leader in a term.</summary>
    public void Lead(NodeId node, Term term)
    {
        if (!_leaders.TryAdd(term, node) && _leaders[term] != node)
        {
            throw new SafetyViolationException($"{Name(node)} leads in term {term}, but n{_leaders[term]} does too: two leaders in a term");
        }
    }

    /// <summary>
    /// Leader completeness (Raft paper, figure 3): what was committed in an earlier term is in the new leader's log.
    /// </summary>
    /// <param name="node">The new leader.</param>
    /// <param name="term">Its term.</param>
    /// <param name="termAt">The term of an index in its log; null where the log has none, zero where it was compacted away.</param>
    public void CheckCompleteness(NodeId node, Term term, Func<LogIndex, Term?> termAt)
    {
        for (var position = _entries.Count - 1; position >= 0; position--)
        {
            // Entries committed in this term or later are none of its business; once one of an earlier term agrees, so do all before it.
            if (_entries[position].CommittedIn >= term)
            {
                continue;
            }

            var index = new LogIndex((ulong)position + 1);
            var found = termAt(index);
            if (found is null || (found != Term.Zero && found != _entries[position].Term))
            {
                var there = found is null ? "nothing" : $"term {found}";
                throw new SafetyViolationException(
                    $"{Name(node)} becomes leader of term {term}, but at index {index} its log has {there}"
                    + $" where an entry of term {_entries[position].Term} was committed in term {_entries[position].CommittedIn}");
            }

            return;
        }
    }

    private string Name(NodeId node) => $"shard {shard}: n{node}";

    private readonly record struct AgreedEntry(Term Term, ulong PayloadHash, Term CommittedIn, NodeId By);
}
