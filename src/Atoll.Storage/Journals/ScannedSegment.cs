namespace Atoll.Storage.Journals;

/// <summary>A segment while the journal is being opened.</summary>
internal sealed class ScannedSegment(Segment segment)
{
    /// <summary>The segment; its file is open.</summary>
    public Segment Segment { get; } = segment;

    /// <summary>True when it has a header; false when its making was interrupted.</summary>
    public bool IsFormatted { get; set; }

    /// <summary>What the first block holds when it is the header of a batch, even of one that does not fit: its sequence; else 0.</summary>
    public long FirstSequence { get; set; }

    /// <summary>Where the last header of a batch was seen behind the end of the journal, or behind damage; 0 for none.</summary>
    public long LastHeaderOffset { get; set; }

    /// <summary>Where the last block ends that is not zero, as far as was searched.</summary>
    public long LastUsedEnd { get; set; }

    /// <summary>True when both copies of its header are damaged, and the other segments tell what was in them.</summary>
    public bool IsHeaderDamaged { get; set; }

    /// <summary>Headers of batches that must never pass for valid ones: behind damage, and nothing says that they were durable.</summary>
    public List<long> StaleHeaderOffsets { get; } = [];
}
