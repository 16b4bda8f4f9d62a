using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Tests.Journals;

/// <summary>What a journal must hold, kept in the simplest way; with its whole history, because a crash goes back in it.</summary>
internal sealed class JournalTwin
{
    private readonly List<(long Sequence, SortedDictionary<ShardId, TwinShard> Shards)> _history = [(0, [])];

    public IReadOnlyDictionary<ShardId, TwinShard> Shards => _history[^1].Shards;

    public long Operations => _history.Count;

    /// <summary>The next state, durable with that batch; shards are immutable and shared between states.</summary>
    public void Set(long sequence, ShardId shard, TwinShard? content)
    {
        var shards = new SortedDictionary<ShardId, TwinShard>(_history[^1].Shards);
        if (content is null)
        {
            shards.Remove(shard);
        }
        else
        {
            shards[shard] = content;
        }

        _history.Add((sequence, shards));
    }

    /// <summary>A crash took all after that batch.</summary>
    public void GoBackTo(long sequence) => _history.RemoveAll(state => state.Sequence > sequence);

    public string Describe()
    {
        var text = new StringBuilder();
        foreach (var (shard, content) in _history[^1].Shards)
        {
            text.Append($"shard {shard}: term {content.HardState.Term} vote {content.HardState.Vote}");
            text.Append($" after {content.Base.Index}/{content.Base.Term}:");
            foreach (var entry in content.Entries)
            {
                var hash = StableHash.Compute(entry.Payload.Span);
                text.Append($" {entry.Index}/{entry.Term}/{entry.Kind}/{entry.Payload.Length}/{hash:x}");
            }

            text.AppendLine();
        }

        return text.ToString();
    }
}

internal sealed record TwinShard(HardState HardState, (LogIndex Index, Term Term) Base, IReadOnlyList<LogEntry> Entries)
{
    public static readonly TwinShard Empty = new(default, default, []);

    public LogIndex LastIndex => Entries.Count > 0 ? Entries[^1].Index : Base.Index;

    public Term LastTerm => Entries.Count > 0 ? Entries[^1].Term : Base.Term;

    public TwinShard Append(LogEntry entry) => this with { Entries = [.. Entries.Where(e => e.Index < entry.Index), entry] };

    public TwinShard Compact(LogIndex through) => through <= Base.Index ? this : this with
    {
        Base = (through, Entries.Single(e => e.Index == through).Term),
        Entries = [.. Entries.Where(e => e.Index > through)],
    };

    public TwinShard Reset(LogIndex index, Term term) => this with { Base = (index, term), Entries = [] };
}
