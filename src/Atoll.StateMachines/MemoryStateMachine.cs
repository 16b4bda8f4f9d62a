using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines;

/// <summary>
/// A machine whose state is things with names, all of them in memory, as an immutable map. The log and snapshots make it durable, so it
/// never waits for a disk. A thing has a time at which it is over, or none as long as it is in the middle of something.
/// </summary>
/// <typeparam name="T">The things: immutable; a step makes a new one.</typeparam>
public abstract class MemoryStateMachine<T> : IStateMachine
    where T : class, INamedState
{
    // What follows from the things, to find them by.
    private readonly SortedSet<string> _busy = new(StringComparer.Ordinal);
    private readonly SortedSet<(long At, string Id)> _due = new(Comparer<(long At, string Id)>.Create(
        static (a, b) => a.At != b.At ? a.At.CompareTo(b.At) : string.CompareOrdinal(a.Id, b.Id)));

    /// <inheritdoc />
    public IStateTree? Tree => null;

    /// <inheritdoc />
    public virtual HybridTime? NextExpiry => _due.Count == 0 ? null : HybridTime.FromUnixMilliseconds(_due.Min.At);

    /// <summary>How many things there are.</summary>
    public int Count => All.Count;

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>All things, by name.</summary>
    protected ImmutableSortedDictionary<string, T> All { get; private set; } =
        ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal);

    /// <summary>Those that are in the middle of something, by name.</summary>
    protected IEnumerable<T> Busy => _busy.Select(id => All[id]);

    /// <summary>Names in one command that says what is over.</summary>
    protected abstract int ExpiredPerCommandMax { get; }

    /// <summary>What a snapshot begins with.</summary>
    protected abstract byte SnapshotFormat { get; }

    /// <summary>The kind of a snapshot's last record: the number of things.</summary>
    protected abstract byte SnapshotEnd { get; }

    /// <summary>The thing of a name; null when there is none.</summary>
    public T? Find(string id) => All.GetValueOrDefault(id);

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done)
    {
        var due = _due.TakeWhile(entry => entry.At <= now.UnixMilliseconds).Take(ExpiredPerCommandMax)
            .Select(static entry => entry.Id).ToList();
        byte[]? command = null;
        if (due.Count > 0)
        {
            var writer = new WireWriter();
            WriteExpired(writer, due);
            command = writer.ToArray();
        }

        done(command, null);
    }

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => true;

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public abstract void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result);

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        Answer(query, result);
        return true;
    }

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Persist(HybridTime now) => Check.Unreachable("a state in memory is made durable by snapshots");

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) =>
        Check.Unreachable("a state in memory is made durable by snapshots");

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot()
    {
        var all = All;
        return new RecordSnapshotSource(SnapshotFormat, writer => Records(all, writer));
    }

    /// <inheritdoc />
    public abstract IMachineTarget BeginRestore(HybridTime now, IStateLoad? load);

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        var writer = new WireWriter();
        foreach (var (_, thing) in All)
        {
            foreach (var kind in Records(thing, writer))
            {
                hasher.Add(kind);
                hasher.Add(writer.Written);
                writer.Reset();
            }
        }

        return hasher.Value;
    }

    /// <summary>Answers a query; garbage has an answer that says so.</summary>
    protected abstract void Answer(ReadOnlyMemory<byte> query, WireWriter result);

    /// <summary>Writes the command that says which things are over.</summary>
    protected abstract void WriteExpired(WireWriter writer, IReadOnlyCollection<string> ids);

    /// <summary>A thing as records of a snapshot.</summary>
    /// <param name="thing">The thing.</param>
    /// <param name="writer">Receives a record, behind what is there, whenever one is asked for.</param>
    /// <returns>The kinds of the records, one after the other.</returns>
    protected abstract IEnumerable<byte> Records(T thing, WireWriter writer);

    /// <summary>A thing is there from now on, or not any more; for what else follows from the things.</summary>
    protected virtual void Follow(T thing, bool isThere)
    {
    }

    /// <summary>A thing becomes another one, or is there from now on.</summary>
    /// <param name="before">What it was; null for a new one.</param>
    /// <param name="after">What it is.</param>
    protected void Replace(T? before, T after)
    {
        if (before is not null)
        {
            Index(before, isThere: false);
        }

        All = All.SetItem(after.Id, after);
        Index(after, isThere: true);
    }

    /// <summary>A thing is not there any more.</summary>
    protected void Remove(T thing)
    {
        Index(thing, isThere: false);
        All = All.Remove(thing.Id);
    }

    /// <summary>These are all things from now on.</summary>
    protected void Restore(ImmutableSortedDictionary<string, T> restored)
    {
        foreach (var (_, thing) in All)
        {
            Index(thing, isThere: false);
        }

        All = restored;
        foreach (var (_, thing) in All)
        {
            Index(thing, isThere: true);
        }
    }

    private IEnumerable<byte> Records(ImmutableSortedDictionary<string, T> all, WireWriter writer)
    {
        foreach (var (_, thing) in all)
        {
            foreach (var kind in Records(thing, writer))
            {
                yield return kind;
            }
        }

        writer.WriteVarint((ulong)all.Count);
        yield return SnapshotEnd;
    }

    // Puts a thing into what it is found by, or takes it out.
    private void Index(T thing, bool isThere)
    {
        Follow(thing, isThere);
        if (thing.DueAt is { } at)
        {
            Check.That(isThere ? _due.Add((at, thing.Id)) : _due.Remove((at, thing.Id)));
        }
        else
        {
            Check.That(isThere ? _busy.Add(thing.Id) : _busy.Remove(thing.Id));
        }
    }
}
