using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups;

namespace Atoll.Node.Replicas;

/// <summary>
/// What the coordinator of groups measures by its own clock: how long members are silent, and how long phases last. None of it is
/// replicated: a new coordinator gives everybody the whole time again. It decides nothing: it proposes what is over, and the log says
/// whether it was.
/// </summary>
internal sealed class GroupTimers
{
    // Sessions last for seconds: looking ten times a second makes them a little longer, and costs a few microseconds a thousand members.
    private static readonly Duration LookInterval = Duration.FromMilliseconds(100);

    // A group's first generation waits so long for another member, so that members that start together do so in one generation.
    private static readonly Duration GatherTime = Duration.FromMilliseconds(500);

    private static readonly Probe Silent = Probe.Define("groups: a member was silent for longer than its session");
    private static readonly Probe Late = Probe.Define("groups: a phase was ended by time");

    private readonly Dictionary<(string Group, string Member), Instant> _heard = [];
    private readonly Dictionary<string, PhaseTimer> _phases = new(StringComparer.Ordinal);
    private Instant _nextLook;

    /// <summary>Forgets everything: whoever led before may have heard more.</summary>
    public void Reset()
    {
        _heard.Clear();
        _phases.Clear();
    }

    /// <summary>A member has said something.</summary>
    public void Heard(GroupsStateMachine groups, string group, string member, Instant now)
    {
        if (groups.Find(group) is { } found && found.Knows(member))
        {
            _heard[(group, member)] = now;
        }
    }

    /// <summary>The command that says who was too late; null when nobody was, or when it is not yet time to look again.</summary>
    public byte[]? FindDue(GroupsStateMachine groups, Instant now)
    {
        if (now < _nextLook)
        {
            return null;
        }

        _nextLook = now + LookInterval;
        var expiries = new List<GroupExpiry>();
        var members = 0;
        var count = 0;
        foreach (var group in groups.Active)
        {
            count++;
            members += group.SessionCount;
            if (expiries.Count < GroupLimits.GroupsPerCommandMax && FindDue(group, now) is { } expiry)
            {
                expiries.Add(expiry);
            }
        }

        // What has gone is forgotten once there is more of it than of what is there.
        Prune(groups, members, count);
        if (expiries.Count == 0)
        {
            return null;
        }

        var writer = new WireWriter();
        GroupCommand.WriteExpire(writer, expiries);
        return writer.ToArray();
    }

    private GroupExpiry? FindDue(ConsumerGroup group, Instant now)
    {
        var late = new List<string>();
        foreach (var (id, session) in group.Sessions)
        {
            NoteIfSilent(group.Id, id, session, now, late);
        }

        var isOver = group.IsPhaseTimed && IsOver(group, now);
        return late.Count == 0 && !isOver ? null : new GroupExpiry(group.Id, isOver ? group.Phase : 0, late);
    }

    private void NoteIfSilent(string group, string member, int sessionMilliseconds, Instant now, List<string> late)
    {
        if (_heard.TryAdd((group, member), now))
        {
            return;
        }

        if (now - _heard[(group, member)] > Duration.FromMilliseconds(sessionMilliseconds))
        {
            Silent.Hit();
            late.Add(member);
        }
    }

    private bool IsOver(ConsumerGroup group, Instant now)
    {
        var longest = Duration.FromMilliseconds(group.RebalanceMilliseconds);
        if (!_phases.TryGetValue(group.Id, out var timer) || timer.Phase != group.Phase)
        {
            timer = new PhaseTimer(group.Phase, now, now, group.Members.Count);
        }

        if (timer.Members != group.Members.Count)
        {
            timer = timer with { ChangedAt = now, Members = group.Members.Count };
        }

        _phases[group.Id] = timer;
        var isOver = now - timer.BeganAt >= longest || (group.IsGathering && now - timer.ChangedAt >= GatherTime);
        if (isOver && !group.IsGathering)
        {
            Late.Hit();
        }

        return isOver;
    }

    private void Prune(GroupsStateMachine groups, int members, int count)
    {
        const int Slack = 64;
        if (_heard.Count > (2 * members) + Slack)
        {
            foreach (var key in _heard.Keys.Where(key => groups.Find(key.Group) is not { } group || !group.Knows(key.Member)).ToArray())
            {
                _heard.Remove(key);
            }
        }

        if (_phases.Count > (2 * count) + Slack)
        {
            foreach (var id in _phases.Keys.Where(id => groups.Find(id) is not { IsPhaseTimed: true }).ToArray())
            {
                _phases.Remove(id);
            }
        }

        Check.That(_heard.Count <= (2 * members) + Slack);
    }

    private readonly record struct PhaseTimer(long Phase, Instant BeganAt, Instant ChangedAt, int Members);
}
