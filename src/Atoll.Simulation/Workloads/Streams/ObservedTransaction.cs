using System.Globalization;
using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A transaction, and how it ended as far as anybody was told: for all of its batches and offsets in one way.</summary>
/// <param name="producerId">The producer.</param>
/// <param name="number">Which transaction of its transactional id.</param>
internal sealed class ObservedTransaction(long producerId, int number)
{
    private string _how = "";

    /// <summary>The producer's number.</summary>
    public long ProducerId => producerId;

    /// <summary>Which transaction of its transactional id.</summary>
    public int Number => number;

    /// <summary>Whether it took effect; null while nobody was told.</summary>
    public bool? IsCommitted { get; private set; }

    /// <summary>What its producer has read and processed in it; null for nothing.</summary>
    public Progress? Progress { get; set; }

    /// <summary>Somebody was told, or saw, how it ended.</summary>
    /// <param name="isCommitted">Whether it took effect.</param>
    /// <param name="how">By what, for people.</param>
    /// <exception cref="SafetyViolationException">It was seen to have ended in another way.</exception>
    public void Decide(bool isCommitted, string how)
    {
        if (IsCommitted is { } known && known != isCommitted)
        {
            throw new SafetyViolationException($"{this} {Word(known)}: {_how}; and it {Word(isCommitted)}: {how}");
        }

        if (IsCommitted is null)
        {
            (IsCommitted, _how) = (isCommitted, how);
        }
    }

    /// <inheritdoc />
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"transaction {number} of producer {producerId}");

    private static string Word(bool isCommitted) => isCommitted ? "was committed" : "was aborted";
}

/// <summary>A step of reading, processing and writing: what it began behind, and where it ended.</summary>
/// <param name="From">The offset that was committed before; -1 for none.</param>
/// <param name="To">The offset that is committed with the transaction.</param>
/// <param name="Commit">The commit of the offset, in the history.</param>
internal sealed record Progress(long From, long To, CommitUnderWay Commit)
{
    /// <summary>Whether the history knows how the commit ended.</summary>
    public bool HasEnded { get; set; }
}
