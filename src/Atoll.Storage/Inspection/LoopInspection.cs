using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>What an opened loop's files consist of.</summary>
public static class LoopInspection
{
    /// <summary>The journal's figures; null when it is not open.</summary>
    public static JournalFigures? Describe(Journal? journal) => journal is null ? null : new JournalFigures(
        journal.Chain.Identity,
        [
            .. journal.Chain.All.Where(static segment => segment.File is not null)
                .Select(static segment => new SegmentFigures(segment.Name, segment.LengthBytes, segment.LiveBytes)),
        ],
        [
            .. journal.Logs.Select(static log => new LogFigures(
                log.ShardId, log.FirstIndex, log.LastIndex, log.TermAt(log.LastIndex), log.HardState, log.SizeBytes, log.IsRebuilding,
                log.Damage?.ToString())),
        ]);

    /// <summary>The store's figures; null when it is not open.</summary>
    public static StoreFigures? DescribeStore(LoopStorage loop)
    {
        if (loop.Store?.Store is not { } store)
        {
            return null;
        }

        var files = store.Files.Levels.SelectMany(static level => level).ToList();
        var named = files.Select(static table => table.Name).Concat(store.Files.ValueUses.Select(static use => use.File.Name))
            .ToHashSet(StringComparer.Ordinal);
        named.Add($"{LoopStorage.StoreFolder}/{ManifestFormat.Name}");
        return new StoreFigures(
            loop.Manifest!.Identity,
            loop.Manifest.FormatVersion,
            [
                .. files.Select(static table => new SortedFileFigures(
                    table.Name, table.Level, table.Meta.LengthBytes, table.Meta.Entries, table.Meta.Tombstones,
                    table.Meta.RangeTombstones.Fragments.Length, table.Meta.From, table.Meta.To, table.Meta.VersionMin,
                    table.Meta.VersionMax)),
            ],
            [.. store.Files.ValueUses.Select(static use => new ValueFileFigures(use.File.Name, use.File.Meta.LengthBytes, use.LiveBytes))],
            [.. store.Shards.Select(shard => TreeOf(store, shard))],
            [
                .. loop.StoreFiles.Select(static file => $"{LoopStorage.StoreFolder}/{file.Name}")
                    .Where(name => !named.Contains(name)),
            ]);
    }

    /// <summary>The shards of an open store that may have keys in [from, to).</summary>
    internal static IReadOnlyList<ShardId> ShardsWithin(LsmStore? store, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        var shards = new List<ShardId>();
        foreach (var shard in store?.Shards ?? [])
        {
            var isBelow = TreeKey.Prefix(shard.Tree + 1).AsSpan().SequenceCompareTo(from) <= 0;
            var isAbove = !to.IsEmpty && TreeKey.Prefix(shard.Tree).AsSpan().SequenceCompareTo(to) >= 0;
            if (!isBelow && !isAbove)
            {
                shards.Add(shard.Shard);
            }
        }

        return shards;
    }

    private static TreeFigures TreeOf(LsmStore store, LsmShard shard)
    {
        var point = store.DurablePoint(shard.Tree);
        return new TreeFigures(shard.Shard, shard.Tree, point?.Applied ?? LogIndex.Zero, point?.Count ?? 0, point?.CollectedThrough ?? 0);
    }
}
