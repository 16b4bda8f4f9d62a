using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// Reads the segments of a journal in order, as far as batches fit together; then looks at everything behind that point for proof that more
/// was durable once. Without proof it is a torn tail. With proof it is damage: the scan goes on behind it, and the replay is told what may
/// be lost (docs/log.md; Alagappan et al., FAST '18).
/// </summary>
internal sealed class JournalScan
{
    // A read that went astray must not make a journal look shorter than it is: nothing is believed missing before the third look.
    private const int RereadsMax = 2;

    private static readonly Probe RereadProbe = Probe.Define("journal: read again at open after a mismatch");
    private static readonly Probe SecondHeaderProbe = Probe.Define("journal: segment opened by the second copy of its header");

    private readonly IReadOnlyList<ScannedSegment> _segments;
    private readonly JournalReplay _replay;
    private readonly Action _done;
    private readonly ReadWindow _window = new();
    private readonly List<(long Sequence, long OffsetBytes)> _tailBatches = [];
    private readonly List<Sighting> _sightings = [];
    private readonly List<StorageCorruption> _headerDamages = [];
    private readonly JournalGap _gap;
    private long _resyncSequence;
    private bool _isSearched;
    private DurableMark _mark;
    private Phase _phase;
    private int _current;
    private long _offset;
    private int _stopIndex = -1;
    private long _stopOffset;
    private string _stopWhy = "";
    private string _probeWhy = "";
    private int _rereads;
    private DamagedBatch? _damaged;

    /// <summary>A scan over segments whose files are open.</summary>
    public JournalScan(IReadOnlyList<ScannedSegment> segments, ulong identity, JournalReplay replay, Action done)
    {
        Check.That(segments.Count > 0);
        _segments = segments;
        _replay = replay;
        _gap = new JournalGap(replay);
        _done = done;
        Identity = identity;
    }

    // A header of a batch, seen while searching.
    private readonly record struct Sighting(int Segment, long OffsetBytes, long Sequence);

    private enum Phase : byte
    {
        Head,
        Walk,
        Probe,
        Search,
        SearchUnformatted,
    }

    /// <summary>The identity of the journal: what its segments say, else what was given.</summary>
    public ulong Identity { get; private set; }

    /// <summary>The damage that leaves nothing to go on with; null for none.</summary>
    public StorageCorruption? Corruption { get; private set; }

    /// <summary>The damage that was gone round, in order.</summary>
    public IReadOnlyList<LostBatches> Lost => _gap.Lost;

    /// <summary>Damaged headers of segments; nothing is lost with them.</summary>
    public IReadOnlyList<StorageCorruption> HeaderDamages => _headerDamages;

    /// <summary>What the header of the last batch says of terms and votes.</summary>
    public long LastHardStates { get; private set; }

    /// <summary>What the last batch held.</summary>
    public BatchManifest? LastManifest { get; private set; }

    /// <summary>Which file is of a newer version; null for none.</summary>
    public string? NewerVersion { get; private set; }

    /// <summary>What went wrong with the disk; Ok when nothing did.</summary>
    public DiskResult DiskResult { get; private set; }

    /// <summary>The last batch that fits; 0 for none.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Its header's checksum.</summary>
    public uint LastChecksum { get; private set; }

    /// <summary>The segment in which the journal goes on.</summary>
    public int TailIndex { get; private set; }

    /// <summary>Where in that segment it goes on.</summary>
    public long TailOffset { get; private set; } = JournalFormat.DataOffset;

    /// <summary>Where the whole batches of the tail's segment begin, and which they are.</summary>
    public IReadOnlyList<(long Sequence, long OffsetBytes)> TailBatches => _tailBatches;

    /// <summary>The highest batch of which something on disk says that it was durable.</summary>
    public long ProvenSequence { get; private set; }

    /// <summary>The oldest segment that must be there.</summary>
    public ulong OldestNeeded { get; private set; }

    private ScannedSegment Current => _segments[_current];

    /// <summary>Begins; the end is told to the delegate.</summary>
    public void Start()
    {
        Enter(0, Phase.Head);
        Run();
    }

    private void Run()
    {
        while (Step())
        {
        }
    }

    // One step; false when it has to wait for the disk, or is over.
    private bool Step() => _phase switch
    {
        Phase.Head => ReadHead(),
        Phase.Walk or Phase.Probe => ReadBatch(),
        Phase.Search => SearchBlock(),
        _ => SearchUnformattedBlock(),
    };

    private void Enter(int index, Phase phase, long offset = 0)
    {
        if (index != _current || phase == Phase.Head)
        {
            _window.Reset(_segments[index].Segment.File!);
        }

        _current = index;
        _phase = phase;
        _offset = offset;
        _rereads = 0;
    }

    private bool Has(long offset, long length, out ReadOnlySpan<byte> bytes)
    {
        if (_window.TryGet(offset, length, out bytes))
        {
            return true;
        }

        _window.Load(offset, length, result =>
        {
            if (result.IsOk)
            {
                Run();
            }
            else if (Reread())
            {
                Run();
            }
            else
            {
                DiskResult = result;
                _done();
            }
        });
        return false;
    }

    private bool Reread()
    {
        if (_rereads == RereadsMax)
        {
            return false;
        }

        RereadProbe.Hit();
        _rereads++;
        _window.Forget();
        return true;
    }

    private bool End(StorageCorruption? corruption = null)
    {
        Corruption = corruption;
        _done();
        return false;
    }

    private bool ReadHead()
    {
        if (!Has(0, JournalFormat.DataOffset, out var head))
        {
            return false;
        }

        var segment = Current.Segment;
        var first = SegmentHeader.Read(head, out var header, out var version);
        var second = SegmentHeader.Read(head[Math.Min(head.Length, JournalFormat.HeaderCopyOffset)..], out var copy, out var copyVersion);
        if (!Fits(first, header))
        {
            if (Fits(second, copy))
            {
                SecondHeaderProbe.Hit();
                header = copy;
            }
            else
            {
                return NoHeader(first, header, version, second, copy, copyVersion);
            }
        }

        Current.IsFormatted = true;
        if (_current > 0 && header.Identity != Identity)
        {
            return End(new StorageCorruption(segment.Name, 0, "the segment belongs to another journal"));
        }

        Identity = header.Identity;
        segment.Mask = JournalFormat.Mask(Identity, segment.Number);
        if (head.Length > JournalFormat.MarkOffset
            && DurableMark.TryRead(head[JournalFormat.MarkOffset..], segment.Number, segment.Mask, out var mark))
        {
            ProvenSequence = Math.Max(ProvenSequence, mark.DurableSequence);
            _mark = mark.DurableSequence > _mark.DurableSequence ? mark : _mark;
        }

        EnterBatches();
        return true;
    }

    private bool Fits(SegmentHeaderState state, SegmentHeader header) =>
        state == SegmentHeaderState.Valid && header.Number == Current.Segment.Number;

    private bool NoHeader(
        SegmentHeaderState first, SegmentHeader header, uint version, SegmentHeaderState second, SegmentHeader copy, uint copyVersion)
    {
        if (Reread())
        {
            return true;
        }

        var name = Current.Segment.Name;
        if (first == SegmentHeaderState.NewerVersion || second == SegmentHeaderState.NewerVersion)
        {
            NewerVersion = $"{name} has version {Math.Max(version, copyVersion)}, this program knows {JournalFormat.Version}";
            return End();
        }

        // The header is durable before anything else is written: without one, the last file is an interrupted attempt to make a segment.
        var isReused = IsOfEarlierLife(first, header) || IsOfEarlierLife(second, copy);
        var isNew = first == SegmentHeaderState.Absent && second == SegmentHeaderState.Absent;
        if (_current != _segments.Count - 1 || (!isReused && !isNew))
        {
            return WithoutHeader("the segment's header is damaged");
        }

        if (_current == 0 && Current.Segment.Number > 1)
        {
            return End(new StorageCorruption(name, 0, "the segment has no header, and those before it are gone"));
        }

        if (isNew)
        {
            Enter(_current, Phase.SearchUnformatted, JournalFormat.DataOffset);
            return true;
        }

        return AfterUnformatted();
    }

    // Batches vouch for themselves. Only the first segment's header cannot be done without: nothing else tells the identity.
    private bool WithoutHeader(string why)
    {
        var segment = Current.Segment;
        var damage = new StorageCorruption(segment.Name, 0, why);
        if (_current == 0)
        {
            return End(damage);
        }

        if (!Current.IsHeaderDamaged)
        {
            _headerDamages.Add(damage);
        }

        Current.IsHeaderDamaged = true;
        Current.IsFormatted = true;
        segment.Mask = JournalFormat.Mask(Identity, segment.Number);
        EnterBatches();
        return true;
    }

    private void EnterBatches() =>
        Enter(_current, _stopIndex < 0 ? Phase.Walk : _current == _stopIndex + 1 ? Phase.Probe : Phase.Search, JournalFormat.DataOffset);

    private bool IsOfEarlierLife(SegmentHeaderState state, SegmentHeader header) =>
        state == SegmentHeaderState.Valid && header.Number < Current.Segment.Number && header.Identity == Identity;

    private bool SearchUnformattedBlock()
    {
        if (!Has(_offset, JournalFormat.BlockBytes, out var block))
        {
            return false;
        }

        if (block.Length < BatchHeader.SizeBytes)
        {
            return AfterUnformatted();
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(block) == BatchHeader.Magic)
        {
            return Reread() || WithoutHeader("the segment's header is gone, its batches are not");
        }

        _offset += JournalFormat.BlockBytes;
        return true;
    }

    private bool AfterUnformatted()
    {
        if (_stopIndex < 0 || _current != _stopIndex + 1 || _isSearched)
        {
            return Decide();
        }

        Enter(_stopIndex, Phase.Search, _stopOffset);
        return true;
    }

    private bool ReadBatch()
    {
        var segment = Current.Segment;
        if (!Has(_offset, JournalFormat.BlockBytes, out var block))
        {
            return false;
        }

        if (!BatchHeader.TryRead(block, segment.Number, segment.Mask, out var header, out var checksum))
        {
            var isEmpty = block.IndexOfAnyExcept((byte)0) < 0;
            return Reread() || Bad(isEmpty ? "no batch is here" : "the batch's header is damaged, or of another time");
        }

        Saw(header);
        var follows = _gap.IsOpen
            ? header.Sequence == _resyncSequence
            : LastSequence == 0
                ? _phase == Phase.Walk && _current == 0 && (header.Sequence == 1 || segment.Number > 1)
                : header.Sequence == LastSequence + 1 && header.PreviousChecksum == LastChecksum;
        if (!follows)
        {
            return Reread() || Bad($"batch {header.Sequence} does not follow batch {LastSequence}");
        }

        var length = BatchHeader.SizeBytes + (long)header.BodyBytes;
        if (_offset + length > _window.FileBytes)
        {
            return Reread() || Bad("the file ends within the batch");
        }

        if (!Has(_offset, length, out var batch))
        {
            return false;
        }

        var body = batch[Math.Min(batch.Length, BatchHeader.SizeBytes)..];
        if (Crc32C.Compute(body) != header.BodyChecksum)
        {
            if (Reread())
            {
                return true;
            }

            _damaged = new DamagedBatch(segment, _offset, header.Sequence, body.ToArray());
            return Bad("the batch's records do not match its checksum");
        }

        if (_gap.IsOpen)
        {
            _gap.Close(segment, header, body);
        }

        if (_replay.Add(segment, _offset + BatchHeader.SizeBytes, body, header) is { } nonsense)
        {
            return End(nonsense);
        }

        if (TailIndex != _current)
        {
            _tailBatches.Clear();
            TailIndex = _current;
        }

        LastSequence = header.Sequence;
        LastChecksum = checksum;
        LastHardStates = header.HardStates;
        LastManifest = _replay.LastBatch;
        _tailBatches.Add((header.Sequence, _offset));
        TailOffset = _offset + JournalFormat.RoundUp(length);
        _stopIndex = -1;
        Enter(_current, Phase.Walk, TailOffset);
        return true;
    }

    private void Saw(in BatchHeader header)
    {
        ProvenSequence = Math.Max(ProvenSequence, header.DurableSequence);
        OldestNeeded = Math.Max(OldestNeeded, header.OldestNeededSegment);
        Current.FirstSequence = _offset == JournalFormat.DataOffset ? header.Sequence : Current.FirstSequence;
    }

    // Batches end here: because the next segment goes on, because the journal ends, because a write was torn, or because of damage.
    private bool Bad(string why)
    {
        if (_phase == Phase.Probe)
        {
            _probeWhy = why;
            if (_isSearched)
            {
                return Decide();
            }

            Enter(_stopIndex, Phase.Search, _stopOffset);
            return true;
        }

        _stopIndex = _current;
        _stopOffset = _offset;
        _stopWhy = why;
        if (_current + 1 < _segments.Count)
        {
            Enter(_current + 1, Phase.Head);
        }
        else if (_isSearched)
        {
            return Decide();
        }
        else
        {
            Enter(_current, Phase.Search, _stopOffset);
        }

        return true;
    }

    private bool SearchBlock()
    {
        if (!Has(_offset, JournalFormat.BlockBytes, out var block))
        {
            return false;
        }

        if (block.Length < BatchHeader.SizeBytes)
        {
            return SearchNextSegment();
        }

        var segment = Current.Segment;
        if (BatchHeader.TryRead(block, segment.Number, segment.Mask, out var header, out _))
        {
            Saw(header);
            Current.LastHeaderOffset = _offset;
            _sightings.Add(new Sighting(_current, _offset, header.Sequence));
        }

        if (block.IndexOfAnyExcept((byte)0) >= 0)
        {
            Current.LastUsedEnd = _offset + JournalFormat.BlockBytes;
        }

        _offset += JournalFormat.BlockBytes;
        return true;
    }

    private bool SearchNextSegment()
    {
        if (_current + 1 == _segments.Count)
        {
            return Decide();
        }

        var next = _segments[_current + 1];
        if (_current == _stopIndex && next.IsFormatted)
        {
            Enter(_current + 1, Phase.Search, JournalFormat.DataOffset); // its head was read by the probe
        }
        else if (_current == _stopIndex)
        {
            return Decide(); // it is the last one, and its making was interrupted
        }
        else
        {
            Enter(_current + 1, Phase.Head);
        }

        return true;
    }

    private bool Decide()
    {
        if (OldestNeeded > 0 && _segments[0].Segment.Number > OldestNeeded)
        {
            var folder = _segments[0].Segment.Name[.._segments[0].Segment.Name.LastIndexOf('/')];
            return End(new StorageCorruption(JournalFormat.SegmentName(folder, OldestNeeded), 0, "the segment is missing"));
        }

        // Segments are deleted only when a durable batch says so: where some are gone, there are batches.
        var mustHaveBatches = LastSequence == 0 && _segments[0].Segment.Number > 1;
        if (_stopIndex < 0 || (ProvenSequence <= LastSequence && !mustHaveBatches))
        {
            return End();
        }

        _isSearched = true;
        OpenGap();
        foreach (var sighting in _sightings)
        {
            // What nobody says to be durable is no more than the tail may be.
            var isBehind = sighting.Segment > _stopIndex || (sighting.Segment == _stopIndex && sighting.OffsetBytes > _stopOffset);
            if (isBehind && sighting.Sequence > LastSequence && sighting.Sequence <= ProvenSequence + 1)
            {
                _resyncSequence = sighting.Sequence;
                Enter(sighting.Segment, Phase.Walk, sighting.OffsetBytes);
                return true;
            }
        }

        return mustHaveBatches && ProvenSequence == 0 ? End(_gap.Corruption) : LoseTail();
    }

    private void OpenGap()
    {
        if (_gap.IsOpen)
        {
            return; // the batch behind the damage is damaged, too
        }

        var stop = _segments[_stopIndex];
        var next = _stopIndex + 1 < _segments.Count ? _segments[_stopIndex + 1] : null;
        var isInNext = next is not null && stop.LastHeaderOffset < _stopOffset
            && (next.FirstSequence == LastSequence + 1 || (next.FirstSequence == 0 && next.LastHeaderOffset > 0));
        _gap.Open(
            isInNext ? next!.Segment : stop.Segment,
            isInNext ? JournalFormat.DataOffset : _stopOffset,
            isInNext ? _probeWhy : _stopWhy,
            LastSequence,
            LastHardStates,
            isStartKnown: LastSequence > 0 || _segments[0].Segment.Number == 1,
            _damaged);
    }

    // Nothing whole is behind the damage. The journal goes on behind all that was written, so that nothing hides it.
    private bool LoseTail()
    {
        var tailIndex = TailIndex;
        for (var i = tailIndex; i < _segments.Count; i++)
        {
            tailIndex = _segments[i].Segment == _gap.Segment ? i : tailIndex;
        }

        TailOffset = Math.Max(tailIndex == TailIndex ? TailOffset : JournalFormat.DataOffset, _segments[tailIndex].LastUsedEnd);
        TailOffset = tailIndex == _stopIndex ? Math.Max(TailOffset, _stopOffset) : TailOffset;
        TailIndex = tailIndex;
        foreach (var sighting in _sightings)
        {
            if (sighting.Sequence > ProvenSequence)
            {
                _segments[sighting.Segment].StaleHeaderOffsets.Add(sighting.OffsetBytes);
            }
        }

        _tailBatches.Clear();
        LastManifest = _gap.CloseAtEnd(ProvenSequence, _mark, out var hardStates);
        LastHardStates = hardStates;
        LastSequence = ProvenSequence;
        return End();
    }
}
