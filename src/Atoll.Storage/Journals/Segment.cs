using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>One file of the journal, from the moment that positions in it are given out, which may be before it exists.</summary>
internal sealed class Segment
{
    /// <summary>A segment without a file yet.</summary>
    public Segment(string folder, ulong number, ulong identity, long lengthBytes)
    {
        Number = number;
        Name = JournalFormat.SegmentName(folder, number);
        Mask = JournalFormat.Mask(identity, number);
        LengthBytes = lengthBytes;
    }

    /// <summary>Its place in the journal, from 1.</summary>
    public ulong Number { get; }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>What its checksums are combined with; at open, the header has the last word about it.</summary>
    public uint Mask { get; set; }

    /// <summary>The open file; null before there is one.</summary>
    public IDiskFile? File { get; set; }

    /// <summary>Length of the file: planned, then real.</summary>
    public long LengthBytes { get; set; }

    /// <summary>True when the file exists and its header is durable: batches may be written.</summary>
    public bool IsReady { get; set; }

    /// <summary>Bytes of its records that are still needed.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>The batch that made the last of its records needless: the segment may go once that one is durable.</summary>
    public long ReleasedBySequence { get; private set; }

    /// <summary>Reads under way: the file must not be deleted or reused below them.</summary>
    public int ReadsInFlight { get; set; }

    /// <summary>A record in it is needed.</summary>
    public void Hold(int bytes)
    {
        Check.That(bytes > 0);
        LiveBytes += bytes;
    }

    /// <summary>A record in it is not needed any more, because of what the given batch says.</summary>
    public void Release(int bytes, long sequence)
    {
        Check.That(bytes > 0 && bytes <= LiveBytes);
        LiveBytes -= bytes;
        ReleasedBySequence = Math.Max(ReleasedBySequence, sequence);
    }
}
