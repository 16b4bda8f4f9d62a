using Atoll.Foundation.Checks;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// Writes of coordinators that came before the present was durable here (<see cref="Floors.IsPresentDurable"/>). A node that starts again
/// goes on above all times that it may have told, and whoever hears of it has to save that first. They wait for that one save: refused by
/// two of three replicas at once, every write at QUORUM would fail for as long.
/// </summary>
internal sealed class EarlyWrites
{
    private const long BytesMax = 16 * 1024 * 1024;

    private static readonly Probe Waited = Probe.Define("eventual: a write waited until the present was durable");

    private Queue<(LoopAddress From, EventualMessage Message)> _waiting = [];
    private long _bytes;

    /// <summary>Takes a write that has waited; it may have to wait again.</summary>
    public Action<LoopAddress, EventualMessage>? Take { get; set; }

    /// <summary>Keeps a write until <see cref="Release"/>; false when it would be too much.</summary>
    /// <param name="from">Who is answered.</param>
    /// <param name="message">The write.</param>
    public bool TryHold(LoopAddress from, in EventualMessage message)
    {
        if (_bytes + message.Payload.Length > BytesMax)
        {
            return false;
        }

        // What came in a frame is there only until the frame is done with.
        _waiting.Enqueue((from, message with { Payload = message.Payload.ToArray() }));
        _bytes += message.Payload.Length;
        Waited.Hit();
        return true;
    }

    /// <summary>Something was saved: those who wait are taken, in the order in which they came.</summary>
    public void Release()
    {
        var waiting = _waiting;
        (_waiting, _bytes) = ([], 0);
        foreach (var (from, message) in waiting)
        {
            Take!(from, message);
        }
    }
}
