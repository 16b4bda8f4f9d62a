using System.Text;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>An operation on a shard: what its log would have.</summary>
/// <param name="Version">When.</param>
/// <param name="Key">The key, or the first of a range.</param>
/// <param name="To">The key behind the range; null when it is not one.</param>
/// <param name="Value">The value; null for a deletion.</param>
/// <param name="Loaded">What the shard is loaded anew with; null when it is not.</param>
internal sealed record ShardOperation(
    ulong Version, string Key, string? To, byte[]? Value, SortedDictionary<string, (ulong Version, byte[] Value)>? Loaded = null);

/// <summary>A shard's records, done the simple way: all versions of every key, for ever.</summary>
internal sealed class ShardTwin
{
    private readonly SortedDictionary<string, List<(ulong Version, byte[]? Value)>> _versions = new(StringComparer.Ordinal);

    /// <summary>The operations; that of log index i is at i - 1.</summary>
    public List<ShardOperation> Log { get; } = [];

    public static ShardTwin Of(IEnumerable<ShardOperation> log)
    {
        var twin = new ShardTwin();
        foreach (var operation in log)
        {
            twin.Apply(operation);
        }

        return twin;
    }

    public void Apply(ShardOperation operation)
    {
        Log.Add(operation);
        if (operation.Loaded is { } loaded)
        {
            _versions.Clear();
            foreach (var (key, record) in loaded)
            {
                _versions[key] = [record];
            }
        }
        else if (operation.To is { } to)
        {
            foreach (var (key, versions) in _versions)
            {
                if (string.CompareOrdinal(key, operation.Key) >= 0 && (to.Length == 0 || string.CompareOrdinal(key, to) < 0))
                {
                    versions.Add((operation.Version, null));
                }
            }
        }
        else
        {
            if (!_versions.TryGetValue(operation.Key, out var versions))
            {
                _versions[operation.Key] = versions = [];
            }

            versions.Add((operation.Version, operation.Value));
        }
    }

    public static void ApplyTo(LsmShard shard, ShardOperation operation)
    {
        var key = Bytes(operation.Key);
        var version = new HybridTime(operation.Version);
        if (operation.To is { } to)
        {
            shard.DeleteRange(key, Bytes(to), version);
        }
        else if (operation.Value is { } value)
        {
            shard.Write(key, new StoredRecord(version, HybridTime.Zero, value));
        }
        else
        {
            shard.Delete(key, version);
        }

        shard.Applied = shard.Applied.Next;
    }

    /// <summary>What is visible at a time.</summary>
    public List<(string Key, ulong Version, byte[] Value)> At(ulong at)
    {
        var visible = new List<(string, ulong, byte[])>();
        foreach (var (key, versions) in _versions)
        {
            var last = versions.FindLastIndex(v => v.Version <= at);
            if (last >= 0 && versions[last].Value is { } value)
            {
                visible.Add((key, versions[last].Version, value));
            }
        }

        return visible;
    }

    public static byte[] Bytes(string key) => Encoding.Latin1.GetBytes(key);

    /// <summary>Compares by a scan forward and one backward.</summary>
    public static void AssertSame(List<(string Key, ulong Version, byte[] Value)> expected, ISortedCursor cursor, Action pump, string run)
    {
        foreach (var isForward in new[] { true, false })
        {
            var left = isForward ? expected : [.. expected.AsEnumerable().Reverse()];
            var more = Settle(cursor, isForward ? cursor.SeekFirst() : cursor.SeekLast(), pump, run);
            foreach (var (key, version, value) in left)
            {
                Assert.True(more, $"{run}: '{key}' is missing (forward: {isForward})");
                AssertRecord(key, version, value, cursor, run);
                more = Settle(cursor, isForward ? cursor.Next() : cursor.Previous(), pump, run);
            }

            Assert.False(more, $"{run}: one too many (forward: {isForward})");
        }
    }

    public static bool Settle(ISortedCursor cursor, bool isOn, Action pump, string run)
    {
        if (isOn)
        {
            return true;
        }

        if (cursor.IsWaiting)
        {
            var isReady = false;
            Assert.False(cursor.Load(() => isReady = true));
            pump();
            Assert.True(isReady);
        }

        Assert.True(cursor.Fault is null, $"{run}: {cursor.Fault}");
        return cursor.IsValid;
    }

    public static void AssertRecord(string key, ulong version, byte[] value, ISortedCursor cursor, string run)
    {
        var found = Encoding.Latin1.GetString(cursor.KeySpan);
        Assert.True(key == found, $"{run}: '{found}' instead of '{key}'");
        Assert.True(version == cursor.Record.Version.Value, $"{run}: '{key}' of {cursor.Record.Version.Value} instead of {version}");
        Assert.True(value.AsSpan().SequenceEqual(cursor.Record.Value.Span), $"{run}: '{key}' has another value");
    }
}
