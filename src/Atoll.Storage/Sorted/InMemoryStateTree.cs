using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Storage.Sorted;

/// <summary>A tree that is all in memory, and of which nothing is ever durable.</summary>
public sealed class InMemoryStateTree : IStateTree
{
    private readonly SortedDictionary<byte, InMemorySortedStore> _sections = [];

    /// <inheritdoc />
    public LogIndex Applied { get; set; }

    /// <inheritdoc />
    public LogIndex DurableApplied => LogIndex.Zero;

    /// <inheritdoc />
    public bool TakesWrites => true;

    /// <inheritdoc />
    public Action? Freezing { get; set; }

    /// <inheritdoc />
    /// <remarks>There is nothing to keep: a record that is replaced is gone at once.</remarks>
    public HybridTime Horizon { get; set; } = HybridTime.Max;

    /// <inheritdoc />
    public ISortedStore Section(byte section) => Of(section);

    /// <inheritdoc />
    public IStateLoad BeginLoad() => new Load(this);

    private InMemorySortedStore Of(byte section)
    {
        if (!_sections.TryGetValue(section, out var found))
        {
            _sections[section] = found = new InMemorySortedStore();
        }

        return found;
    }

    private sealed class Load(InMemoryStateTree tree) : IStateLoad
    {
        private readonly InMemoryStateTree _built = new();
        private byte _section;
        private byte[] _last = [];
        private bool _isOver;

        public void WhenDrained(Action ready) => ready();

        public string? Error => null;

        public void Put(byte section, ReadOnlySpan<byte> key, in StoredRecord record)
        {
            Check.That(!_isOver && (section > _section || (section == _section && key.SequenceCompareTo(_last) > 0)));
            _section = section;
            _last = key.ToArray();
            _built.Of(section).Put(_last, record with { Value = record.Value.ToArray() }, out _);
        }

        public void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done)
        {
            Check.That(!_isOver);
            _isOver = true;
            foreach (var section in tree._sections.Keys.Union(_built._sections.Keys).ToArray())
            {
                tree.Of(section).Replace(_built.Of(section));
            }

            tree.Applied = applied;
            done(DiskResult.Success);
        }

        public void Abandon() => _isOver = true;
    }
}
