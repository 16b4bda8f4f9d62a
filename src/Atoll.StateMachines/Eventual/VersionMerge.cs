using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Makes one version of several: record by record what all know together, without what the partitions' deletions among them cover, and no
/// further than the least of them goes.
/// </summary>
internal sealed class VersionMerge
{
    private readonly List<VersionContents> _versions = [];
    private readonly WireWriter _scratch = new();

    internal void Add(VersionContents version) => _versions.Add(version);

    /// <summary>The merged version.</summary>
    internal VersionContents Merged()
    {
        var merged = new VersionContents();
        foreach (var version in _versions)
        {
            if (!version.End.IsEmpty && (merged.End.IsEmpty || version.End.Span.SequenceCompareTo(merged.End.Span) < 0))
            {
                merged.End = version.End;
            }

            if (!version.From.IsEmpty && version.From.Span.SequenceCompareTo(merged.From.Span) > 0)
            {
                merged.From = version.From;
            }
        }

        MergeGaps(merged);
        MergeRecords(merged);
        return merged;
    }

    private static ReadOnlySpan<byte> PrefixOf(ReadOnlyMemory<byte> key) => key.Span[..RowKey.PrefixBytes(key.Span)];

    private void MergeGaps(VersionContents merged)
    {
        var gaps = _versions.SelectMany(static version => version.Gaps).ToList();
        gaps.Sort(KeyOrder.Instance);
        foreach (var gap in gaps)
        {
            var isBehindEnd = !merged.End.IsEmpty && gap.Span.SequenceCompareTo(merged.End.Span) >= 0;

            // In order: the first of a partition is the one that counts.
            var isFirst = merged.Gaps.Count == 0 || !gap.Span.StartsWith(PrefixOf(merged.Gaps[^1]));
            if (!isBehindEnd && isFirst)
            {
                merged.Gaps.Add(gap);
            }
        }
    }

    private void MergeRecords(VersionContents merged)
    {
        var next = new int[_versions.Count];
        var same = new List<ReadOnlyMemory<byte>>(_versions.Count);
        var prefix = ReadOnlyMemory<byte>.Empty;
        var deletions = PartitionDeletions.None;
        var gap = 0;
        while (TryTakeLeast(next, same, out var key))
        {
            if (!merged.End.IsEmpty && key.Span.SequenceCompareTo(merged.End.Span) >= 0)
            {
                return;
            }

            while (gap < merged.Gaps.Count && PrefixOf(merged.Gaps[gap]).SequenceCompareTo(PrefixOf(key)) < 0)
            {
                gap++;
            }

            var kind = RowKey.KindOf(key.Span);
            if (kind == RowKeyKind.Partition)
            {
                prefix = key[..RowKey.PrefixBytes(key.Span)];
                var value = MergeDeletions(same, out deletions);
                merged.Records.Add(new VersionRecord(key, value));
                continue;
            }

            if (prefix.IsEmpty || !key.Span.StartsWith(prefix.Span))
            {
                prefix = key[..RowKey.PrefixBytes(key.Span)];
                deletions = PartitionDeletions.None;
            }

            var isInGap = gap < merged.Gaps.Count && key.Span.StartsWith(PrefixOf(merged.Gaps[gap]))
                && key.Span.SequenceCompareTo(merged.Gaps[gap].Span) >= 0;
            var isBeforeFrom = kind == RowKeyKind.Row && key.Span.SequenceCompareTo(merged.From.Span) < 0;
            if (!isInGap && !isBeforeFrom && MergeRows(key, same, deletions) is { IsEmpty: false } row)
            {
                merged.Records.Add(new VersionRecord(key, row));
            }
        }
    }

    // The least key that is left in any of the versions, and its values in all that have it.
    private bool TryTakeLeast(int[] next, List<ReadOnlyMemory<byte>> same, out ReadOnlyMemory<byte> key)
    {
        same.Clear();
        key = default;
        for (var i = 0; i < next.Length; i++)
        {
            if (next[i] < _versions[i].Records.Count
                && (key.IsEmpty || _versions[i].Records[next[i]].Key.Span.SequenceCompareTo(key.Span) < 0))
            {
                key = _versions[i].Records[next[i]].Key;
            }
        }

        for (var i = 0; i < next.Length && !key.IsEmpty; i++)
        {
            if (next[i] < _versions[i].Records.Count && _versions[i].Records[next[i]].Key.Span.SequenceEqual(key.Span))
            {
                same.Add(_versions[i].Records[next[i]++].Value);
            }
        }

        return !key.IsEmpty;
    }

    private ReadOnlyMemory<byte> MergeDeletions(List<ReadOnlyMemory<byte>> same, out PartitionDeletions deletions)
    {
        deletions = EventualRecords.OfVersions.DeletionsOf(same[0]);
        if (AreEqual(same))
        {
            return same[0];
        }

        for (var i = 1; i < same.Count; i++)
        {
            deletions = PartitionDeletions.Merge(deletions, EventualRecords.OfVersions.DeletionsOf(same[i]));
        }

        return EventualRecords.Encode(deletions, _scratch);
    }

    private ReadOnlyMemory<byte> MergeRows(ReadOnlyMemory<byte> key, List<ReadOnlyMemory<byte>> same, PartitionDeletions deletions)
    {
        var areEqual = AreEqual(same);
        if (areEqual && deletions.IsNone)
        {
            return same[0];
        }

        var first = EventualRecords.Stored.RowOf(same[0]);
        var row = first;
        for (var i = 1; i < same.Count && !areEqual; i++)
        {
            row = RowData.Merge(row, EventualRecords.Stored.RowOf(same[i]));
        }

        row = row.Without(RowKey.CoveringOf(key.Span, deletions));
        return row.IsEmpty ? default
            : areEqual && ReferenceEquals(row, first) ? same[0]
            : EventualRecords.Encode(row, _scratch);
    }

    private static bool AreEqual(List<ReadOnlyMemory<byte>> values)
    {
        for (var i = 1; i < values.Count; i++)
        {
            if (!values[i].Span.SequenceEqual(values[0].Span))
            {
                return false;
            }
        }

        return true;
    }
}
