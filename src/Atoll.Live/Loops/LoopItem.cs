using Atoll.Foundation.Identity;
using Atoll.Foundation.World;

namespace Atoll.Live.Loops;

/// <summary>What kind of event waits in a mailbox.</summary>
internal enum LoopItemKind : byte
{
    /// <summary>A message of a node's loop.</summary>
    Message,

    /// <summary>A connection stands.</summary>
    LinkUp,

    /// <summary>A connection is gone.</summary>
    LinkDown,

    /// <summary>An <see cref="ILoopCompletion"/>.</summary>
    Completion,

    /// <summary>A delegate with two arguments.</summary>
    Call,
}

/// <summary>An event on its way to a loop: a value, so that posting it allocates nothing.</summary>
internal readonly struct LoopItem
{
    /// <summary>What an item counts for in a mailbox besides its message: about what it occupies there.</summary>
    private const int OverheadBytes = 64;

    private LoopItem(
        LoopItemKind kind, LoopAddress from, Lane lane, ReadOnlyMemory<byte> message, object? target, object? first, object? second)
    {
        Kind = kind;
        From = from;
        Lane = lane;
        Message = message;
        Target = target;
        First = first;
        Second = second;
    }

    /// <summary>What kind of event.</summary>
    public LoopItemKind Kind { get; }

    /// <summary>The lane, for what the network tells.</summary>
    public Lane Lane { get; }

    /// <summary>The sender, or the peer.</summary>
    public LoopAddress From { get; }

    /// <summary>The message.</summary>
    public ReadOnlyMemory<byte> Message { get; }

    /// <summary>The completion, or the delegate.</summary>
    public object? Target { get; }

    /// <summary>The delegate's first argument.</summary>
    public object? First { get; }

    /// <summary>The delegate's second argument.</summary>
    public object? Second { get; }

    /// <summary>What the item counts for in a mailbox.</summary>
    public long SizeBytes => OverheadBytes + Message.Length;

    /// <summary>A message has come.</summary>
    public static LoopItem ForMessage(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message) =>
        new(LoopItemKind.Message, from, lane, message, null, null, null);

    /// <summary>A connection stands, or is gone.</summary>
    public static LoopItem ForLink(NodeId peer, Lane lane, bool isUp) =>
        new(isUp ? LoopItemKind.LinkUp : LoopItemKind.LinkDown, new LoopAddress(peer, 0), lane, default, null, null, null);

    /// <summary>Something ended on another thread.</summary>
    public static LoopItem ForCompletion(ILoopCompletion completion) =>
        new(LoopItemKind.Completion, default, default, default, completion, null, null);

    /// <summary>Something to call on the loop.</summary>
    public static LoopItem ForCall(Action<object?, object?> call, object? first, object? second) =>
        new(LoopItemKind.Call, default, default, default, call, first, second);
}
