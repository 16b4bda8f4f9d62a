using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Eventual;

/// <summary>Something that a coordinator of reads or writes wants done.</summary>
public enum EventualEffectKind : byte
{
    /// <summary>Send <see cref="EventualEffects.MessageOf"/> to <see cref="EventualEffect.Peer"/>, which may be this node.</summary>
    Send = 1,

    /// <summary>
    /// Keep the payload of <see cref="EventualEffects.MessageOf"/> as a hint for <see cref="EventualEffect.Peer"/>
    /// (<see cref="HintQueue"/>). When <see cref="EventualEffect.ReportsHint"/> is set and the hint is durable, call
    /// <see cref="WriteCoordinator.HintStored"/>.
    /// </summary>
    StoreHint = 2,

    /// <summary><see cref="EventualEffect.Operation"/> ended as <see cref="EventualEffect.Outcome"/> says.</summary>
    Completed = 3,
}

/// <summary>How a read or a write ended.</summary>
public enum EventualOutcome : byte
{
    /// <summary>As many replicas answered as the level asks for.</summary>
    Done = 1,

    /// <summary>Too few replicas are up: nothing was sent.</summary>
    Unavailable = 2,

    /// <summary>Too few answered in time. A write may still take effect, everywhere in the end.</summary>
    TimedOut = 3,

    /// <summary>Too many refused. A write may still take effect where it was not refused.</summary>
    Failed = 4,
}

/// <summary>One effect. Which fields mean something depends on the kind.</summary>
public readonly struct EventualEffect
{
    /// <summary>What is to be done.</summary>
    public EventualEffectKind Kind { get; init; }

    /// <summary>StoreHint: the write waits for the hint (consistency level ANY).</summary>
    public bool ReportsHint { get; init; }

    /// <summary>Send, StoreHint: which node.</summary>
    public NodeId Peer { get; init; }

    /// <summary>StoreHint, Completed: the operation.</summary>
    public ulong Operation { get; init; }

    /// <summary>Completed: how.</summary>
    public EventualOutcome Outcome { get; init; }

    /// <summary>Completed: answers that came. Unavailable: replicas that are up.</summary>
    public int Received { get; init; }

    /// <summary>Completed: answers that were needed.</summary>
    public int Required { get; init; }

    /// <summary>Completed: replicas that refused.</summary>
    public int Failures { get; init; }

    /// <summary>Completed, a read: whether a replica sent data, or only digests came.</summary>
    public bool IsDataPresent { get; init; }

    /// <summary>Completed, a write: what kind it was.</summary>
    public WriteKind Write { get; init; }

    /// <summary>Completed, a read that is done: the data, merged.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    internal int Slot { get; init; }
}

/// <summary>
/// What a coordinator wants done, in the order in which it came up. One reusable buffer a coordinator: the host goes through it by index
/// (calls into the coordinator meanwhile append to it), then clears it.
/// </summary>
public sealed class EventualEffects
{
    private EventualEffect[] _effects = new EventualEffect[16];
    private EventualMessage[] _messages = new EventualMessage[8];
    private int _messageCount;

    /// <summary>How many effects wait.</summary>
    public int Count { get; private set; }

    /// <summary>The effect at a position; valid until the buffer changes.</summary>
    public ref readonly EventualEffect this[int position]
    {
        get
        {
            Check.That(position >= 0 && position < Count);
            return ref _effects[position];
        }
    }

    /// <summary>The message of a Send or StoreHint effect; valid until the buffer changes.</summary>
    public ref readonly EventualMessage MessageOf(in EventualEffect effect)
    {
        Check.That(effect.Kind is EventualEffectKind.Send or EventualEffectKind.StoreHint);
        return ref _messages[effect.Slot];
    }

    /// <summary>Forgets all effects, and what they refer to; keeps the room.</summary>
    public void Clear()
    {
        Array.Clear(_effects, 0, Count);
        Array.Clear(_messages, 0, _messageCount);
        Count = 0;
        _messageCount = 0;
    }

    internal void Add(in EventualEffect effect)
    {
        if (Count == _effects.Length)
        {
            Array.Resize(ref _effects, Count * 2);
        }

        _effects[Count++] = effect;
    }

    internal void AddMessage(EventualEffect effect, in EventualMessage message)
    {
        if (_messageCount == _messages.Length)
        {
            Array.Resize(ref _messages, _messageCount * 2);
        }

        _messages[_messageCount] = message;
        Add(effect with { Slot = _messageCount++ });
    }

    internal void Send(NodeId peer, in EventualMessage message) =>
        AddMessage(new EventualEffect { Kind = EventualEffectKind.Send, Peer = peer }, message);
}
