using Atoll.Kernel.Eventual;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Versions of rows as the kernel's protocols see them. Versions from elsewhere must have been checked (<see cref="RowsVersion.Validate"/>)
/// when they arrived: one that is none counts here as one that says nothing.
/// </summary>
public sealed class RowsVersionData : IReplicatedData
{
    /// <inheritdoc />
    public ReadOnlyMemory<byte> Merge(ReadOnlySpan<ReadOnlyMemory<byte>> versions)
    {
        var isOne = true;
        foreach (var version in versions)
        {
            isOne &= version.Span.SequenceEqual(versions[0].Span);
        }

        if (isOne)
        {
            return versions[0];
        }

        var merge = new VersionMerge();
        foreach (var version in versions)
        {
            if (VersionContents.TryRead(version, out var contents, checksValues: true))
            {
                merge.Add(contents);
            }
        }

        return merge.Merged().Encode();
    }

    /// <inheritdoc />
    public UInt128 DigestOf(ReadOnlyMemory<byte> version) => EventualRecords.HashOf(version.Span);

    /// <summary>
    /// The records of the merged version that differ from those of the held one: a version that is merged into the replica as any mutation.
    /// Empty when there are none.
    /// </summary>
    public ReadOnlyMemory<byte> RepairOf(ReadOnlyMemory<byte> merged, ReadOnlyMemory<byte> held)
    {
        var repair = new VersionContents();
        if (!VersionContents.TryRead(merged, out var whole, checksValues: false)
            || !VersionContents.TryRead(held, out var part, checksValues: false))
        {
            return merged;
        }

        var next = 0;
        foreach (var record in whole.Records)
        {
            while (next < part.Records.Count && part.Records[next].Key.Span.SequenceCompareTo(record.Key.Span) < 0)
            {
                next++;
            }

            var isHeld = next < part.Records.Count
                && part.Records[next].Key.Span.SequenceEqual(record.Key.Span)
                && part.Records[next].Value.Span.SequenceEqual(record.Value.Span);
            if (!isHeld)
            {
                repair.Records.Add(record);
            }
        }

        return repair.Encode();
    }
}
