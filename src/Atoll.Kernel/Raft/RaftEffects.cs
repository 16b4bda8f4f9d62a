using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>
/// What the core wants done, in the order in which it came up. One buffer a core, reused: the host goes through it by index (calls into the
/// core while doing so append to it), then clears it. A warm buffer allocates nothing.
/// </summary>
public sealed class RaftEffects
{
    private RaftEffect[] _effects = new RaftEffect[16];
    private RaftMessage[] _messages = new RaftMessage[8];
    private LogEntry[] _entries = new LogEntry[16];
    private int _messageCount;
    private int _entryCount;

    /// <summary>How many effects wait.</summary>
    public int Count { get; private set; }

    /// <summary>The effect at a position; valid until the buffer changes.</summary>
    public ref readonly RaftEffect this[int position]
    {
        get
        {
            Check.That(position >= 0 && position < Count);
            return ref _effects[position];
        }
    }

    /// <summary>The message of a Send, SnapshotChunkReceived or SnapshotReplyReceived effect; valid until the buffer changes.</summary>
    public ref readonly RaftMessage MessageOf(in RaftEffect effect)
    {
        Check.That(effect.Kind is RaftEffectKind.Send or RaftEffectKind.SnapshotChunkReceived or RaftEffectKind.SnapshotReplyReceived);
        return ref _messages[effect.Slot];
    }

    /// <summary>The entries of an AppendEntries effect; valid until the buffer changes.</summary>
    public ReadOnlySpan<LogEntry> EntriesOf(in RaftEffect effect)
    {
        Check.That(effect.Kind == RaftEffectKind.AppendEntries);
        return _entries.AsSpan(effect.Slot, checked((int)(effect.Last - effect.First)) + 1);
    }

    /// <summary>Forgets all effects, and what they refer to; keeps the room.</summary>
    public void Clear()
    {
        Array.Clear(_effects, 0, Count);
        Array.Clear(_messages, 0, _messageCount);
        Array.Clear(_entries, 0, _entryCount);
        Count = 0;
        _messageCount = 0;
        _entryCount = 0;
    }

    internal void Add(in RaftEffect effect)
    {
        if (Count == _effects.Length)
        {
            Array.Resize(ref _effects, Count * 2);
        }

        _effects[Count++] = effect;
    }

    internal void AddMessage(RaftEffectKind kind, NodeId peer, in RaftMessage message, bool afterDurable)
    {
        if (_messageCount == _messages.Length)
        {
            Array.Resize(ref _messages, _messageCount * 2);
        }

        _messages[_messageCount] = message;
        Add(new RaftEffect { Kind = kind, Peer = peer, AfterDurable = afterDurable, Slot = _messageCount++ });
    }

    internal void AddEntries(ReadOnlySpan<LogEntry> entries)
    {
        Check.That(!entries.IsEmpty);
        if (_entries.Length - _entryCount < entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(_entries.Length * 2, _entryCount + entries.Length));
        }

        entries.CopyTo(_entries.AsSpan(_entryCount));
        Add(new RaftEffect { Kind = RaftEffectKind.AppendEntries, First = entries[0].Index, Last = entries[^1].Index, Slot = _entryCount });
        _entryCount += entries.Length;
    }
}
