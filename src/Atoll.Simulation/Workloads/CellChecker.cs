using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads;

/// <summary>What a reader saw of a cell.</summary>
/// <param name="Number">The number of its value.</param>
/// <param name="TimestampMicros">Its timestamp.</param>
internal readonly record struct SeenCell(long Number, long TimestampMicros);

/// <summary>A write or a deletion of some cells.</summary>
/// <param name="cells">The cells.</param>
/// <param name="number">The number of the value; 0 for a deletion.</param>
/// <param name="timestampMicros">Its timestamp, when the client gave it.</param>
/// <param name="invoked">Its place in the order of what the checker was told.</param>
internal sealed class CellWriteAttempt(IReadOnlyList<string> cells, long number, long? timestampMicros, long invoked)
{
    public IReadOnlyList<string> Cells => cells;

    public long Number => number;

    public long Invoked => invoked;

    /// <summary>Its one timestamp, when it is known; a coordinator gives each attempt another one.</summary>
    public long? TimestampMicros { get; set; } = timestampMicros;

    public bool IsDeletion => number == 0;

    public bool IsRefused { get; set; }
}

/// <summary>
/// What the cells of an eventual space must show. A write that so many replicas have acknowledged is seen by every read of so many that
/// the two sets meet, unless something with a higher timestamp is; and what such a read has shown, another does not miss. A deletion counts
/// as a write of nothing, which wins over values of its timestamp.
/// </summary>
internal sealed class CellChecker(int replicas)
{
    private readonly Dictionary<string, Cell> _cells = new(StringComparer.Ordinal);
    private readonly Dictionary<long, CellWriteAttempt> _writes = [];
    private readonly List<(string Cell, Floor Floor, HybridTime Stamp)> _hinted = [];
    private long _moments;

    /// <summary>Reads that had something which they must not miss.</summary>
    public long Demanding { get; private set; }

    /// <summary>A client begins to write or delete cells.</summary>
    public CellWriteAttempt Invoke(IReadOnlyList<string> cells, long number, long? timestampMicros)
    {
        var write = new CellWriteAttempt(cells, number, timestampMicros, ++_moments);
        if (number != 0)
        {
            _writes.Add(number, write);
            return write;
        }

        foreach (var cell in cells)
        {
            CellOf(cell).Deletions.Add(write);
        }

        return write;
    }

    /// <summary>So many replicas have a write.</summary>
    /// <param name="write">The write.</param>
    /// <param name="copies">How many; 0 when there may be nothing but a hint.</param>
    /// <param name="timestampMicros">The timestamp with which they have it.</param>
    /// <param name="stamp">Its coordinator's time.</param>
    /// <param name="isOnly">Whether it can have no other timestamp anywhere.</param>
    public void Acknowledge(CellWriteAttempt write, int copies, long timestampMicros, HybridTime stamp, bool isOnly)
    {
        if (isOnly)
        {
            write.TimestampMicros ??= timestampMicros;
        }

        foreach (var cell in write.Cells)
        {
            var floor = new Floor(timestampMicros, write.IsDeletion, write.Number, ++_moments);
            CellOf(cell).Raise(copies, floor);
            if (copies == 0)
            {
                _hinted.Add((cell, floor, stamp));
            }
        }
    }

    /// <summary>All replicas have what there were only hints of.</summary>
    /// <param name="through">Hints of writes through this time have been delivered.</param>
    public void Delivered(HybridTime through)
    {
        foreach (var (cell, floor, stamp) in _hinted)
        {
            if (stamp <= through)
            {
                Demanding++;
                CellOf(cell).Raise(replicas, floor);
            }
        }
    }

    /// <summary>The least that a read must show which begins now.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="copies">How many replicas are asked.</param>
    public Floor Least(string cell, int copies)
    {
        var least = CellOf(cell).LeastOf(replicas - copies + 1);
        Demanding += least == Floor.None ? 0 : 1;
        return least;
    }

    /// <summary>A read has ended.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="copies">How many replicas were asked, which now all have what was seen.</param>
    /// <param name="least">What <see cref="Least"/> said when it began.</param>
    /// <param name="seen">What was seen; null for nothing.</param>
    /// <param name="who">The reader, for people.</param>
    public void Check(string cell, int copies, in Floor least, in SeenCell? seen, string who)
    {
        if (seen is not { } value)
        {
            CheckNothing(cell, copies, least, who);
            return;
        }

        if (!_writes.TryGetValue(value.Number, out var write) || !write.Cells.Contains(cell))
        {
            throw new SafetyViolationException($"{who} read {cell} as {value.Number}, which nobody wrote there");
        }

        if (write.IsRefused)
        {
            throw new SafetyViolationException($"{who} read {cell} as {value.Number}, whose write was refused as without effect");
        }

        if (write.TimestampMicros is { } timestamp && timestamp != value.TimestampMicros)
        {
            throw new SafetyViolationException(
                $"{who} read {cell} as {value.Number} of {value.TimestampMicros} us, but it was written at {timestamp} us");
        }

        // A write of today that says it is old is visible when what would have hidden it is forgotten (docs/eventual.md).
        var floor = new Floor(value.TimestampMicros, false, value.Number, ++_moments);
        if (floor.IsBehind(least) && !(least.IsDeletion && write.Invoked > least.Moment))
        {
            throw new SafetyViolationException(
                $"{who} read {cell} as {value.Number} of {value.TimestampMicros} us, but had to see {least}"
                + (least.IsDeletion ? ": something deleted has returned" : ""));
        }

        CellOf(cell).Raise(copies, floor);
    }

    private void CheckNothing(string cell, int copies, in Floor least, string who)
    {
        if (least == Floor.None || least.IsDeletion)
        {
            return;
        }

        var timestamp = least.TimestampMicros;
        if (!CellOf(cell).Deletions.Exists(deletion => !deletion.IsRefused && !(deletion.TimestampMicros < timestamp)))
        {
            throw new SafetyViolationException($"{who} read nothing in {cell}, but had to see {least}, and no deletion explains that");
        }

        CellOf(cell).Raise(copies, least with { IsDeletion = true, Number = 0, Moment = ++_moments });
    }

    private Cell CellOf(string cell)
    {
        if (!_cells.TryGetValue(cell, out var found))
        {
            _cells[cell] = found = new Cell(replicas);
        }

        return found;
    }

    /// <summary>Something that is known to be in so many replicas.</summary>
    /// <param name="TimestampMicros">Its timestamp.</param>
    /// <param name="IsDeletion">Whether nothing is there.</param>
    /// <param name="Number">The value's number.</param>
    /// <param name="Moment">When that became known.</param>
    public readonly record struct Floor(long TimestampMicros, bool IsDeletion, long Number, long Moment)
    {
        public static readonly Floor None = new(long.MinValue, false, 0, 0);

        // Of two values of one timestamp any may win, and then always does: that it does is seen by what follows.
        public bool IsBehind(in Floor other) => TimestampMicros != other.TimestampMicros
            ? TimestampMicros < other.TimestampMicros
            : !IsDeletion && other.IsDeletion;

        public override string ToString() =>
            IsDeletion ? $"the deletion of {TimestampMicros} us" : $"{Number} of {TimestampMicros} us, or something newer";
    }

    private sealed class Cell(int replicas)
    {
        private readonly Floor[] _floors = [.. Enumerable.Repeat(Floor.None, replicas + 1)];

        public List<CellWriteAttempt> Deletions { get; } = [];

        public void Raise(int copies, in Floor floor)
        {
            if (_floors[copies].IsBehind(floor))
            {
                _floors[copies] = floor;
            }
        }

        // The newest of what so many replicas or more have.
        public Floor LeastOf(int copiesMin)
        {
            var least = Floor.None;
            for (var copies = copiesMin; copies < _floors.Length; copies++)
            {
                least = least.IsBehind(_floors[copies]) ? _floors[copies] : least;
            }

            return least;
        }
    }
}
