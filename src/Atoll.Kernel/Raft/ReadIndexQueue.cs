using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// The reads that wait until a quorum has confirmed that their leader still leads (dissertation, 6.4), and the numbered heartbeat rounds
/// that confirm it. One round is under way for reads at a time; reads that come meanwhile share the next one, so that the cost of a round
/// is divided among all that wait.
/// </summary>
internal sealed class ReadIndexQueue
{
    // Rounds whose sending time is remembered; a quorum that answers later than that renews no lease.
    private const int RoundsRemembered = 64;

    private readonly Instant[] _sentAt = new Instant[RoundsRemembered];
    private List<ulong> _waiting = [];
    private List<ulong> _confirming = [];
    private ulong _confirmingRound;
    private LogIndex _confirmingIndex;
    private ulong _confirmedRound;

    /// <summary>The latest round that was sent.</summary>
    internal ulong Round { get; private set; }

    internal bool IsEmpty => _waiting.Count == 0 && _confirming.Count == 0;

    /// <summary>Whether a round should be sent for reads now.</summary>
    internal bool WantsRound => _waiting.Count > 0 && _confirming.Count == 0;

    /// <summary>
    /// When the latest confirmed round was sent: at that moment, or later, a quorum still followed. Null before the first.
    /// </summary>
    internal Instant? ConfirmedAt { get; private set; }

    internal void Add(ulong context) => _waiting.Add(context);

    /// <summary>Numbers the next round, and takes the waiting reads along when no other round is under way for reads.</summary>
    /// <param name="commit">What is committed now; null while this leader does not know it.</param>
    /// <param name="now">The time.</param>
    internal ulong StartRound(LogIndex? commit, Instant now)
    {
        Round++;
        _sentAt[(int)(Round % RoundsRemembered)] = now;
        if (commit is { } index && WantsRound)
        {
            (_waiting, _confirming) = (_confirming, _waiting);
            _confirmingRound = Round;
            _confirmingIndex = index;
        }

        return Round;
    }

    /// <summary>A quorum has answered this round, or a later one.</summary>
    internal void Confirm(ulong round, RaftEffects effects)
    {
        if (round <= _confirmedRound)
        {
            return;
        }

        _confirmedRound = round;
        if (Round - round < RoundsRemembered)
        {
            ConfirmedAt = _sentAt[(int)(round % RoundsRemembered)];
        }

        if (_confirming.Count > 0 && round >= _confirmingRound)
        {
            foreach (var context in _confirming)
            {
                effects.Add(new RaftEffect { Kind = RaftEffectKind.ReadReady, Context = context, Index = _confirmingIndex });
            }

            _confirming.Clear();
        }
    }

    /// <summary>Leadership is lost: nobody will confirm these.</summary>
    internal void FailAll(RaftEffects effects)
    {
        foreach (var context in _confirming)
        {
            effects.Add(new RaftEffect { Kind = RaftEffectKind.ReadFailed, Context = context });
        }

        foreach (var context in _waiting)
        {
            effects.Add(new RaftEffect { Kind = RaftEffectKind.ReadFailed, Context = context });
        }

        _confirming.Clear();
        _waiting.Clear();
    }
}
