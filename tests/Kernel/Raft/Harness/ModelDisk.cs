using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft.Harness;

/// <summary>What one replica's disk holds: a log behind a snapshot, and a hard state.</summary>
public sealed class ModelLog
{
    public HardState HardState { get; set; }

    public LogIndex SnapshotIndex { get; set; }

    public Term SnapshotTerm { get; set; }

    public Membership SnapshotMembership { get; set; } = Membership.Empty;

    /// <summary>The state machine at the snapshot's index: every applied entry, as text.</summary>
    public List<string> SnapshotState { get; set; } = [];

    public List<LogEntry> Entries { get; private set; } = [];

    public bool IsRebuilding { get; set; }

    public LogIndex LastIndex => SnapshotIndex + (ulong)Entries.Count;

    public LogEntry this[LogIndex index] => Entries[(int)(index - SnapshotIndex) - 1];

    public bool Holds(LogIndex index, Term term) =>
        index <= SnapshotIndex || (index <= LastIndex && this[index].Term == term);

    public void Append(IReadOnlyList<LogEntry> entries)
    {
        Assert.True(entries[0].Index > SnapshotIndex, "an append below the snapshot");
        Assert.True(entries[0].Index <= LastIndex.Next, "an append that leaves a hole");
        Entries.RemoveRange((int)(entries[0].Index - SnapshotIndex) - 1, (int)(LastIndex - entries[0].Index.Previous));
        Entries.AddRange(entries);
    }

    public void Compact(LogIndex through, Membership membership, List<string> state)
    {
        var term = this[through].Term;
        Entries.RemoveRange(0, (int)(through - SnapshotIndex));
        (SnapshotIndex, SnapshotTerm, SnapshotMembership, SnapshotState) = (through, term, membership, state);
    }

    public void Reset(LogIndex index, Term term, Membership membership, List<string> state)
    {
        Entries.Clear();
        (SnapshotIndex, SnapshotTerm, SnapshotMembership, SnapshotState) = (index, term, membership, state);
    }

    public ModelLog Clone()
    {
        var clone = (ModelLog)MemberwiseClone();
        clone.Entries = [.. Entries];
        return clone;
    }
}

/// <summary>A disk on which writes take effect in order, and only so far as it was told: the rest is lost at a crash.</summary>
public sealed class ModelDisk(ModelLog initial)
{
    private readonly Queue<Action<ModelLog>> _pending = new();

    /// <summary>What would be found after a crash.</summary>
    public ModelLog Durable { get; private set; } = initial;

    /// <summary>What has been written, durable or not.</summary>
    public ModelLog Written { get; private set; } = initial.Clone();

    public long WrittenSequence { get; private set; }

    public long DurableSequence { get; private set; }

    public void Write(Action<ModelLog> write)
    {
        write(Written);
        _pending.Enqueue(write);
        WrittenSequence++;
    }

    public void MakeDurable(long count)
    {
        for (; count > 0 && _pending.TryDequeue(out var write); count--)
        {
            write(Durable);
            DurableSequence++;
        }
    }

    /// <summary>Everything is lost but term and vote; what was there is returned.</summary>
    public ModelLog Rot(Membership founding)
    {
        var lost = Durable.Clone();
        Durable.Reset(LogIndex.Zero, Term.Zero, founding, []);
        Durable.IsRebuilding = true;
        Written = Durable.Clone();
        return lost;
    }

    public void Crash()
    {
        _pending.Clear();
        Written = Durable.Clone();
        WrittenSequence = DurableSequence;
    }
}
