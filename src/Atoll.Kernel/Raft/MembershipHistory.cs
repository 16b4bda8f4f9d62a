using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// The memberships that the log holds, and the one that was in force where it starts. The latest is in force, committed or not; cutting the
/// log brings the one before it back (dissertation, 4.1).
/// </summary>
internal sealed class MembershipHistory
{
    private readonly List<(LogIndex Index, Membership Membership)> _memberships = [];

    internal MembershipHistory(LogIndex index, Membership membership, IReadOnlyList<(LogIndex Index, Membership Membership)> inLog)
    {
        Reset(index, membership);
        foreach (var (at, next) in inLog)
        {
            Append(at, next);
        }
    }

    internal Membership Latest => _memberships[^1].Membership;

    internal LogIndex LatestIndex => _memberships[^1].Index;

    /// <summary>What was in force before <see cref="Latest"/>, when the log still tells.</summary>
    internal Membership? BeforeLatest => _memberships.Count > 1 ? _memberships[^2].Membership : null;

    internal void Append(LogIndex index, Membership membership)
    {
        Check.That(index > LatestIndex);
        Check.That(membership.IsWellFormed);
        _memberships.Add((index, membership));
    }

    /// <summary>Forgets what stands at or after the index; true when that changed what is in force.</summary>
    internal bool CutFrom(LogIndex first)
    {
        var changed = false;
        while (LatestIndex >= first)
        {
            Check.That(_memberships.Count > 1);
            _memberships.RemoveAt(_memberships.Count - 1);
            changed = true;
        }

        return changed;
    }

    internal void CompactThrough(LogIndex index)
    {
        var keep = PositionOf(index);
        _memberships.RemoveRange(0, keep);
    }

    internal void Reset(LogIndex index, Membership membership)
    {
        Check.That(membership.IsWellFormed);
        _memberships.Clear();
        _memberships.Add((index, membership));
    }

    internal Membership At(LogIndex index) => _memberships[PositionOf(index)].Membership;

    /// <summary>The memberships that stand after one index and not after another, oldest first.</summary>
    internal IEnumerable<(LogIndex Index, Membership Membership)> Between(LogIndex after, LogIndex through) =>
        _memberships.Where(item => item.Index > after && item.Index <= through);

    private int PositionOf(LogIndex index)
    {
        var position = _memberships.Count - 1;
        while (position > 0 && _memberships[position].Index > index)
        {
            position--;
        }

        return position;
    }
}
