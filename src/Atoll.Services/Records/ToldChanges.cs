using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>
/// What a watch of an eventual shard was told already: replicas repeat changes, and tell of some when another write has long replaced them.
/// </summary>
internal sealed class ToldChanges
{
    // More is forgotten: then changes are told again.
    private const int CountMax = 100_000;

    private readonly SortedDictionary<ReadOnlyMemory<byte>, HybridTime> _versions = new(KeyOrder.Instance);

    /// <summary>Those changes that are news: the first of their key, or later than the one before.</summary>
    /// <param name="changes">What a replica told.</param>
    /// <param name="through">Up to this version everything was told, or lies before the watch.</param>
    public IReadOnlyList<RecordChange> NewAmong(IReadOnlyList<RecordChange> changes, HybridTime through)
    {
        var fresh = new List<RecordChange>();
        foreach (var change in changes)
        {
            if (change.Version > through && change.Version > _versions.GetValueOrDefault(change.Key))
            {
                fresh.Add(change);
                _versions[change.Key.ToArray()] = change.Version;
            }
        }

        foreach (var (key, _) in _versions.Where(told => told.Value <= through).ToArray())
        {
            _versions.Remove(key);
        }

        if (_versions.Count > CountMax)
        {
            _versions.Clear();
        }

        return fresh;
    }
}
