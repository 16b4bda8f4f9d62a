using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Paxos;

/// <summary>Something that a coordinator or a replica wants done.</summary>
public enum PaxosEffectKind : byte
{
    /// <summary>
    /// Send <see cref="PaxosEffects.MessageOf"/> to <see cref="PaxosEffect.Peer"/> (which may be this node), mind
    /// <see cref="PaxosEffect.AfterDurable"/> and <see cref="PaxosEffect.ReadsData"/>.
    /// </summary>
    Send = 1,

    /// <summary>Replica: merge the update of <see cref="PaxosEffects.MessageOf"/>'s decree into the partition's data.</summary>
    Apply = 2,

    /// <summary>
    /// Replica: remember <see cref="PaxosEffects.StateOf"/> for the partition of <see cref="PaxosEffects.MessageOf"/>. One write with
    /// the Apply before it: a crash must leave both or neither. <see cref="PaxosPartitionState.None"/>: remember nothing.
    /// </summary>
    Save = 3,

    /// <summary>Replica: remember <see cref="PaxosEffect.Floor"/>, before any later effect.</summary>
    SaveFloor = 4,

    /// <summary>Replica: somebody knows a later version of the membership, <see cref="PaxosEffect.Epoch"/>: learn it.</summary>
    MembershipIsBehind = 5,

    /// <summary>
    /// Coordinator: judge the condition of <see cref="PaxosEffect.Operation"/> on <see cref="PaxosEffect.Data"/>, then call
    /// <see cref="PaxosCoordinator.Propose"/> with the update, its times those of <see cref="PaxosEffect.Ballot"/>, or
    /// <see cref="PaxosCoordinator.Decline"/>.
    /// </summary>
    Evaluate = 6,

    /// <summary>
    /// Coordinator: <see cref="PaxosEffect.Operation"/> ended as <see cref="PaxosEffect.Outcome"/> says; a read's data are
    /// <see cref="PaxosEffect.Data"/>.
    /// </summary>
    Completed = 7,

    /// <summary>
    /// Coordinator: <see cref="PaxosEffect.Operation"/> waits for membership <see cref="PaxosEffect.Epoch"/> or later: give it to
    /// <see cref="PaxosCoordinator.SetMembership"/>.
    /// </summary>
    NeedsMembership = 8,

    /// <summary>
    /// Coordinator: keep the commit <see cref="PaxosEffects.MessageOf"/> as a hint for <see cref="PaxosEffect.Peer"/>, which did not
    /// confirm it. Losing the hint costs a repair, nothing else.
    /// </summary>
    Hint = 9,
}

/// <summary>How an operation ended.</summary>
public enum PaxosOutcome : byte
{
    /// <summary>It is under way.</summary>
    Pending = 0,

    /// <summary>Compare-and-set: the update is decided, and on as many replicas as was asked.</summary>
    Applied = 1,

    /// <summary>Compare-and-set: the condition did not hold; nothing was changed.</summary>
    Declined = 2,

    /// <summary>Read: done. Repair: all replicas have everything, or hints were left.</summary>
    Done = 3,

    /// <summary>No majority answered in time; the operation had no effect and will have none.</summary>
    TimedOut = 4,

    /// <summary>Compare-and-set: decided, and so it will be seen; but too few replicas confirmed that they have it.</summary>
    CommitTimedOut = 5,

    /// <summary>Compare-and-set: it may take effect, may have, or may never do.</summary>
    Unknown = 6,
}

/// <summary>One effect. Which fields mean something depends on the kind.</summary>
public readonly struct PaxosEffect
{
    /// <summary>What is to be done.</summary>
    public PaxosEffectKind Kind { get; init; }

    /// <summary>
    /// Send: not before everything that earlier effects save is durable. What depends on the disk is data, not a convention.
    /// </summary>
    public bool AfterDurable { get; init; }

    /// <summary>
    /// Send: the message's Data is a query: run it against the partition now, behind earlier effects and before later ones, and send its
    /// answer in its place.
    /// </summary>
    public bool ReadsData { get; init; }

    /// <summary>Send, Hint: to whom.</summary>
    public NodeId Peer { get; init; }

    /// <summary>Evaluate, Completed, NeedsMembership: the operation.</summary>
    public ulong Operation { get; init; }

    /// <summary>MembershipIsBehind, NeedsMembership: the version that is known to exist.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Evaluate: the ballot of the attempt, whose time the update takes.</summary>
    public Ballot Ballot { get; init; }

    /// <summary>SaveFloor: the floor.</summary>
    public Ballot Floor { get; init; }

    /// <summary>Completed: how.</summary>
    public PaxosOutcome Outcome { get; init; }

    /// <summary>Completed: replicas that confirmed what was decided, or answered the last phase ("received" in CQL's errors).</summary>
    public int Received { get; init; }

    /// <summary>Completed: how many were needed.</summary>
    public int Required { get; init; }

    /// <summary>Evaluate, Completed: the partition's data, merged.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    internal int Slot { get; init; }

    internal int StateSlot { get; init; }
}

/// <summary>
/// What a core wants done, in the order in which it came up. One reusable buffer a core: the host goes through it by index (calls into the
/// core meanwhile append to it), then clears it.
/// </summary>
public sealed class PaxosEffects
{
    private PaxosEffect[] _effects = new PaxosEffect[16];
    private PaxosMessage[] _messages = new PaxosMessage[8];
    private PaxosPartitionState[] _states = new PaxosPartitionState[4];
    private int _messageCount;
    private int _stateCount;

    /// <summary>How many effects wait.</summary>
    public int Count { get; private set; }

    /// <summary>The effect at a position; valid until the buffer changes.</summary>
    public ref readonly PaxosEffect this[int position]
    {
        get
        {
            Check.That(position >= 0 && position < Count);
            return ref _effects[position];
        }
    }

    /// <summary>The message of a Send, Apply, Save or Hint effect; valid until the buffer changes.</summary>
    public ref readonly PaxosMessage MessageOf(in PaxosEffect effect)
    {
        Check.That(effect.Kind is PaxosEffectKind.Send or PaxosEffectKind.Apply or PaxosEffectKind.Save or PaxosEffectKind.Hint);
        return ref _messages[effect.Slot];
    }

    /// <summary>The state of a Save effect; valid until the buffer changes.</summary>
    public ref readonly PaxosPartitionState StateOf(in PaxosEffect effect)
    {
        Check.That(effect.Kind == PaxosEffectKind.Save);
        return ref _states[effect.StateSlot];
    }

    /// <summary>Forgets all effects, and what they refer to; keeps the room.</summary>
    public void Clear()
    {
        Array.Clear(_effects, 0, Count);
        Array.Clear(_messages, 0, _messageCount);
        Array.Clear(_states, 0, _stateCount);
        Count = 0;
        _messageCount = 0;
        _stateCount = 0;
    }

    internal void Add(in PaxosEffect effect)
    {
        if (Count == _effects.Length)
        {
            Array.Resize(ref _effects, Count * 2);
        }

        _effects[Count++] = effect;
    }

    internal void AddMessage(PaxosEffect effect, in PaxosMessage message)
    {
        if (_messageCount == _messages.Length)
        {
            Array.Resize(ref _messages, _messageCount * 2);
        }

        _messages[_messageCount] = message;
        Add(effect with { Slot = _messageCount++ });
    }

    internal void AddSave(in PaxosMessage about, in PaxosPartitionState state)
    {
        if (_stateCount == _states.Length)
        {
            Array.Resize(ref _states, _stateCount * 2);
        }

        _states[_stateCount] = state;
        AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Save, StateSlot = _stateCount++ }, about);
    }
}
