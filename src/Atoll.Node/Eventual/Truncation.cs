using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// The payload of a write that removes all rows of a shard. It goes to all replicas and is no version: whoever misses it brings rows back,
/// which is why a truncation is only acknowledged by all of them, and never left as a hint.
/// </summary>
internal static class Truncation
{
    private static readonly Probe WrittenBefore = Probe.Define("eventual: a write came after the truncation that it was before");

    /// <summary>The bytes; no version begins with them.</summary>
    public static readonly byte[] Payload = [0xFF];

    /// <summary>Whether a payload is a truncation.</summary>
    public static bool Is(ReadOnlyMemory<byte> payload) => payload.Length == 1 && payload.Span[0] == Payload[0];

    /// <summary>
    /// What a replica does with a write. One that comes after a truncation which it was before, as a hint of a node that was away may,
    /// would bring a row back: it is gone with the others, and its coordinator is told that it was taken; behind the truncation in the log,
    /// so not before that is durable.
    /// </summary>
    /// <param name="message">The write.</param>
    /// <param name="truncated">
    /// The stamp of the last truncation; it moves on with this one, also should it fail: who asked for it hears that it may have had
    /// effect.
    /// </param>
    public static EventualChange ChangeOf(in EventualMessage message, ref HybridTime truncated)
    {
        if (Is(message.Payload))
        {
            truncated = message.Stamp > truncated ? message.Stamp : truncated;
            return new EventualChange { Truncates = true, Notes = [NoteKeys.OfTruncation(truncated)] };
        }

        // A repair does not say when what it brings was written; and if it is late, so is the read that it is of.
        if (message.Stamp > truncated || message.Kind == EventualMessageKind.Repair)
        {
            return new EventualChange { Version = message.Payload };
        }

        WrittenBefore.Hit();
        return new EventualChange();
    }
}
