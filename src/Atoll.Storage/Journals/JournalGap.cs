using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>
/// Damage in the durable part of a journal, while it is being opened: from the last batch that was read to the next one that can be, or to
/// the end. Works out what may be lost in between, and tells the replay.
/// </summary>
internal sealed class JournalGap(JournalReplay replay)
{
    private static readonly Probe ResyncProbe = Probe.Define("journal: goes on behind damage");
    private static readonly Probe LostTailProbe = Probe.Define("journal: damage with nothing whole behind it");

    private readonly List<LostBatches> _lost = [];
    private StorageCorruption? _corruption;
    private Segment? _segment;
    private long _offset;
    private long _lastSequence;
    private long _lastHardStates;
    private bool _isStartKnown;
    private DamagedBatch? _damaged;

    /// <summary>True while nothing whole was read behind the damage.</summary>
    public bool IsOpen => _corruption is not null;

    /// <summary>Where the damage is.</summary>
    public StorageCorruption? Corruption => _corruption;

    /// <summary>The segment that it begins in.</summary>
    public Segment? Segment => _segment;

    /// <summary>The damage that was gone round, in order.</summary>
    public IReadOnlyList<LostBatches> Lost => _lost;

    /// <summary>Damage was found.</summary>
    /// <param name="segment">Where it begins.</param>
    /// <param name="offset">Where it begins.</param>
    /// <param name="why">What does not fit.</param>
    /// <param name="lastSequence">The last batch before it; 0 for none.</param>
    /// <param name="lastHardStates">What the header of that batch says of terms and votes.</param>
    /// <param name="isStartKnown">Whether the number of the first lost batch is known.</param>
    /// <param name="damaged">The last batch that was read and did not fit its checksum; null for none.</param>
    public void Open(
        Segment segment, long offset, string why, long lastSequence, long lastHardStates, bool isStartKnown, DamagedBatch? damaged)
    {
        Check.That(!IsOpen);
        _corruption = new StorageCorruption(segment.Name, offset, why);
        _segment = segment;
        _offset = offset;
        _lastSequence = lastSequence;
        _lastHardStates = lastHardStates;
        _isStartKnown = isStartKnown;
        _damaged = damaged is not null && damaged.Segment == segment && damaged.OffsetBytes == offset ? damaged : null;
    }

    /// <summary>Behind the damage a batch is whole: it tells what the one before held, and how many terms and votes there were.</summary>
    public void Close(Segment segment, in BatchHeader header, ReadOnlySpan<byte> body)
    {
        ResyncProbe.Hit();
        var (manifest, ownHardStates) = JournalReplay.Peek(body);
        manifest = manifest?.Sequence == header.Sequence - 1 ? manifest : null;
        var isSingle = manifest is not null
            && ((_isStartKnown && header.Sequence == _lastSequence + 2) || (manifest.OffsetBytes == _offset && segment == _segment));
        var hardStatesBefore = header.HardStates - ownHardStates - (manifest?.HardStateRecords ?? 0);
        var areCounted = header.HardStates > 0 && (_lastSequence == 0 ? _isStartKnown : _lastHardStates > 0);
        var areHardStatesLost = !isSingle && (!areCounted || hardStatesBefore != Math.Max(1, _lastHardStates));
        Lose(manifest, isSingle, areHardStatesLost, segment, isSingle && _damaged?.Sequence == manifest!.Sequence ? _damaged : null);
    }

    /// <summary>Nothing whole is behind the damage.</summary>
    /// <param name="provenSequence">The last batch that was durable once.</param>
    /// <param name="mark">The latest durable mark.</param>
    /// <param name="hardStates">What is to be counted on from: the next batch tells the next opening that some are lost.</param>
    /// <returns>What the last lost batch is taken to have held.</returns>
    public BatchManifest CloseAtEnd(long provenSequence, in DurableMark mark, out long hardStates)
    {
        LostTailProbe.Hit();
        var isOfMark = mark.DurableSequence == provenSequence && mark.HardStates > 0;
        var areHardStatesLost = !isOfMark || mark.HardStates != Math.Max(1, _lastHardStates);
        hardStates = Math.Max(1, _lastHardStates);
        BatchManifest manifest;
        if (isOfMark && mark.IsClosing && provenSequence == _lastSequence + 1)
        {
            manifest = new BatchManifest(); // it held nothing but the manifest of the one before
            manifest.Begin(provenSequence, _offset);
        }
        else
        {
            manifest = replay.Anything(provenSequence, _offset, areHardStatesLost);
            hardStates += areHardStatesLost ? 1 : 0;
        }

        Lose(manifest, isSingle: true, areHardStatesLost: false, manifestSegment: null, damaged: null);
        return manifest;
    }

    private void Lose(BatchManifest? manifest, bool isSingle, bool areHardStatesLost, Segment? manifestSegment, DamagedBatch? damaged)
    {
        var lost = new LostBatches(_corruption!, _segment!, manifest, isSingle, areHardStatesLost);
        _lost.Add(lost);
        replay.Lose(lost, manifestSegment, damaged);
        _corruption = null;
    }
}
