using System.Buffers.Binary;
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
    private const byte Marker = 0xFF; // no version begins with it
    private const int PayloadBytes = 1 + sizeof(uint);

    private static readonly Probe WrittenBefore = Probe.Define("eventual: a write came after the truncation that it was before");
    private static readonly Probe CameLate = Probe.Define("eventual: a truncation came later than its coordinator waits");

    /// <summary>The bytes.</summary>
    /// <param name="patience">How long its coordinator waits for replicas.</param>
    public static byte[] PayloadOf(Duration patience)
    {
        // Half of it, as clocks that follow each other are not one clock.
        var payload = new byte[PayloadBytes];
        payload[0] = Marker;
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(1), (uint)Math.Clamp(patience.Milliseconds / 2, 0, uint.MaxValue));
        return payload;
    }

    /// <summary>Whether a payload is a truncation.</summary>
    public static bool Is(ReadOnlyMemory<byte> payload) => payload.Length == PayloadBytes && payload.Span[0] == Marker;

    /// <summary>
    /// Whether a write is a truncation that a replica must not take any more. It would remove what was written since, and acknowledged: its
    /// coordinator waits no more when it comes that late, and a newer one, or the very same, was taken before.
    /// </summary>
    /// <param name="message">The write.</param>
    /// <param name="truncated">The stamp of the last truncation.</param>
    /// <param name="now">The replica's time, which follows that of every coordinator.</param>
    public static bool IsLate(in EventualMessage message, HybridTime truncated, HybridTime now)
    {
        if (!Is(message.Payload))
        {
            return false;
        }

        var withinMs = BinaryPrimitives.ReadUInt32LittleEndian(message.Payload.Span[1..]);
        var isLate = message.Stamp <= truncated || now > message.Stamp.Add(Duration.FromMilliseconds(withinMs));
        if (isLate)
        {
            CameLate.Hit();
        }

        return isLate;
    }

    /// <summary>
    /// What a replica does with a write. One that comes after a truncation which it was before, as a hint of a node that was away may,
    /// would bring a row back: it is gone with the others, and its coordinator is told that it was taken; behind the truncation in the log,
    /// so not before that is durable.
    /// </summary>
    /// <param name="message">The write; no truncation that <see cref="IsLate"/>.</param>
    /// <param name="truncated">
    /// The stamp of the last truncation; it moves on with this one, also should it fail: who asked for it hears that it may have had
    /// effect.
    /// </param>
    public static EventualChange ChangeOf(in EventualMessage message, ref HybridTime truncated)
    {
        if (Is(message.Payload))
        {
            Check.That(message.Stamp > truncated);
            truncated = message.Stamp;
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
