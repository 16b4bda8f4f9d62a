using Atoll.Foundation.Checks;

namespace Atoll.Simulation.World;

/// <summary>Everything that the simulated world may do to a node.</summary>
public enum FaultKind
{
    /// <summary>A message never arrives.</summary>
    MessageLost,

    /// <summary>A message arrives twice.</summary>
    MessageDuplicated,

    /// <summary>A message is overtaken by later ones.</summary>
    MessageReordered,

    /// <summary>A message arrives very late.</summary>
    MessageDelayed,

    /// <summary>A message is refused because the queue to its receiver is full.</summary>
    MessageRefused,

    /// <summary>A message runs into a cut link.</summary>
    MessageCutOff,

    /// <summary>A connection breaks although both ends are well.</summary>
    ConnectionReset,

    /// <summary>A link is cut in one direction.</summary>
    LinkCut,

    /// <summary>The nodes are split into groups that don't hear each other.</summary>
    Partition,

    /// <summary>A link becomes slow.</summary>
    LinkSlowed,

    /// <summary>A process is killed: what the operating system had cached is kept.</summary>
    ProcessKilled,

    /// <summary>A machine loses power: what was not synced may be lost, torn or reordered.</summary>
    PowerLost,

    /// <summary>All machines lose power at once.</summary>
    PowerLostEverywhere,

    /// <summary>A process stands still.</summary>
    ProcessPaused,

    /// <summary>A wall clock is set.</summary>
    WallClockJumped,

    /// <summary>A clock changes its speed.</summary>
    ClockDrifted,

    /// <summary>A disk does nothing for a while.</summary>
    DiskStalled,

    /// <summary>A disk operation takes many times as long as it should.</summary>
    DiskSlow,

    /// <summary>An unsynced sector is lost at a power loss.</summary>
    SectorLost,

    /// <summary>A read fails.</summary>
    ReadFailed,

    /// <summary>A write fails, part of it done.</summary>
    WriteFailed,

    /// <summary>A sync fails, and what it should have made durable is dropped.</summary>
    SyncFailed,

    /// <summary>An operation is refused because the disk is full.</summary>
    DiskFull,

    /// <summary>A bit on the disk is flipped for good.</summary>
    BitRotten,

    /// <summary>A bit is flipped on its way from the disk.</summary>
    BitFlippedOnRead,

    /// <summary>A read answers with the content of another place.</summary>
    ReadMisdirected,

    /// <summary>A sync says yes, and nothing is durable. A planted fault: no system survives it on a majority.</summary>
    SyncLied,

    /// <summary>Membership or leadership is changed by an operator.</summary>
    OperatorAction,
}

/// <summary>Counts the faults of a run by kind: a fault that was never injected was never tested.</summary>
public sealed class FaultLedger
{
    private readonly long[] _counts = new long[Enum.GetValues<FaultKind>().Length];

    /// <summary>All faults together.</summary>
    public long Total => _counts.Sum();

    /// <summary>How often a kind was injected.</summary>
    public long this[FaultKind kind] => _counts[(int)kind];

    /// <summary>A fault was injected.</summary>
    public void Count(FaultKind kind, long times = 1)
    {
        Check.That(times >= 0);
        _counts[(int)kind] += times;
    }

    /// <summary>Takes the counts of another run.</summary>
    public void Add(FaultLedger other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }
    }

    /// <summary>The kinds that were injected, with their counts, in the order of the enumeration.</summary>
    public IReadOnlyList<(FaultKind Kind, long Count)> ByKind() =>
        [.. Enum.GetValues<FaultKind>().Where(kind => this[kind] > 0).Select(kind => (kind, this[kind]))];
}
