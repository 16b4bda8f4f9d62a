using Atoll.Foundation.Checks;

namespace Atoll.Kernel.Eventual;

/// <summary>What one side of an exchange wants done.</summary>
public enum SyncEffectKind : byte
{
    /// <summary>Send <see cref="SyncEffect.Message"/> to the other side.</summary>
    Send = 1,

    /// <summary>
    /// List this replica's partitions of leaf <see cref="SyncEffect.Leaf"/> behind <see cref="SyncEffect.AfterKey"/> through
    /// <see cref="SyncEffect.ThroughKey"/> (empty: to the leaf's end), at most <see cref="SyncEffect.Count"/>, and hand them in by Listed.
    /// </summary>
    List = 2,

    /// <summary>
    /// Read the partition <see cref="SyncEffect.AfterKey"/> and send it as Data, with the exchange and sequence of
    /// <see cref="SyncEffect.Message"/> and, as its stamp, <see cref="RangeHorizon.Basis"/> at the time of reading.
    /// </summary>
    SendPartition = 3,

    /// <summary>
    /// Merge the partition in <see cref="SyncEffect.Message"/> when <see cref="RangeHorizon.AdmitsFrom"/> allows it, and call Merged when
    /// that is durable; else call MergeRefused.
    /// </summary>
    Merge = 4,

    /// <summary>
    /// The exchange is over: both have all that both had. Call <see cref="RangeHorizon.Synced"/> with <see cref="SyncEffect.Message"/>'s
    /// stamp.
    /// </summary>
    Done = 5,

    /// <summary>The exchange was given up; what was exchanged need not be again.</summary>
    Failed = 6,
}

/// <summary>One effect. Which fields mean something depends on the kind.</summary>
public readonly record struct SyncEffect
{
    /// <summary>What is to be done.</summary>
    public SyncEffectKind Kind { get; init; }

    /// <summary>The message.</summary>
    public SyncMessage Message { get; init; }

    /// <summary>List: the leaf.</summary>
    public int Leaf { get; init; }

    /// <summary>List: behind this key. SendPartition: this key.</summary>
    public ReadOnlyMemory<byte> AfterKey { get; init; }

    /// <summary>List: through this key; empty: to the leaf's end.</summary>
    public ReadOnlyMemory<byte> ThroughKey { get; init; }

    /// <summary>List: so many at most.</summary>
    public int Count { get; init; }
}

/// <summary>What one side wants done, in order; reusable. The host goes through it by index after every call, then clears it.</summary>
public sealed class SyncEffects
{
    private readonly List<SyncEffect> _effects = [];

    /// <summary>How many effects wait.</summary>
    public int Count => _effects.Count;

    /// <summary>The effect at a position.</summary>
    public SyncEffect this[int position]
    {
        get
        {
            Check.That(position >= 0 && position < _effects.Count);
            return _effects[position];
        }
    }

    /// <summary>Forgets all effects; keeps the room.</summary>
    public void Clear() => _effects.Clear();

    internal void Add(in SyncEffect effect) => _effects.Add(effect);

    internal void Send(in SyncMessage message) => Add(new SyncEffect { Kind = SyncEffectKind.Send, Message = message });
}
