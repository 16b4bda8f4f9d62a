using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// Opens a journal: lists its segments, scans them, and repairs the tail: what is behind the last whole batch is
/// overwritten, so that it can never pass for records later; leftovers of interrupted work are deleted; what nothing proves durable
/// is written
/// and synced again, because it may be in the operating system's memory only: a killed process did not sync it, or a sync failed and
/// the pages pass for clean since (Rebello et al., ATC '20).
/// </summary>
internal sealed class JournalRecovery
{
    private static readonly Probe TornProbe = Probe.Define("journal: torn tail cut");
    private static readonly Probe UnfinishedProbe = Probe.Define("journal: unfinished segment deleted");

    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly JournalOptions _options;
    private readonly Action<JournalOpening> _done;
    private readonly List<ScannedSegment> _segments = [];
    private readonly Queue<Action<Action<DiskResult>>> _repairs = new();
    private readonly JournalReplay _replay = new();

    /// <summary>An opening that is not begun.</summary>
    public JournalRecovery(IDisk disk, string folder, JournalOptions options, Action<JournalOpening> done)
    {
        _disk = disk;
        _folder = folder;
        _options = options;
        _done = done;
    }

    /// <summary>Begins.</summary>
    public void Start() => _disk.List(_folder, (result, files) =>
    {
        if (!result.IsOk)
        {
            Fail(result, $"list {_folder}");
            return;
        }

        var numbers = new List<ulong>();
        foreach (var file in files)
        {
            if (JournalFormat.TryParseSegmentName(file.Name, out var number) && number is > 0 and < ulong.MaxValue / 2)
            {
                numbers.Add(number);
            }
        }

        numbers.Sort();
        for (var i = 1; i < numbers.Count; i++)
        {
            if (numbers[i] != numbers[i - 1] + 1)
            {
                EndCorrupt(new StorageCorruption(JournalFormat.SegmentName(_folder, numbers[i - 1] + 1), 0, "the segment is missing"));
                return;
            }
        }

        OpenNext(numbers, 0);
    });

    private void OpenNext(List<ulong> numbers, int next)
    {
        if (next == numbers.Count)
        {
            Scan();
            return;
        }

        var name = JournalFormat.SegmentName(_folder, numbers[next]);
        _disk.Open(name, (result, file) =>
        {
            if (!result.IsOk)
            {
                Fail(result, $"open {name}");
                return;
            }

            // The mask depends on the identity, which the headers tell: the segments proper are made after the scan.
            var segment = new Segment(_folder, numbers[next], _options.Identity, file!.LengthBytes) { File = file };
            _segments.Add(new ScannedSegment(segment));
            OpenNext(numbers, next + 1);
        });
    }

    private void Scan()
    {
        if (_segments.Count == 0)
        {
            CreateFirst();
            return;
        }

        JournalScan? scan = null;
        scan = new JournalScan(_segments, _options.Identity, _replay, () => Scanned(scan!));
        scan.Start();
    }

    private void Scanned(JournalScan scan)
    {
        if (!scan.DiskResult.IsOk)
        {
            Fail(scan.DiskResult, $"read {_folder}");
        }
        else if (scan.NewerVersion is not null)
        {
            CloseFiles();
            _done(new JournalOpening(JournalOpeningStatus.NewerVersion, Detail: scan.NewerVersion));
        }
        else if (scan.Corruption is not null)
        {
            EndCorrupt(scan.Corruption);
        }
        else
        {
            Rebuild(scan);
        }
    }

    private void Rebuild(JournalScan scan)
    {
        var shards = _replay.Finish();
        var damaged = shards.FirstOrDefault(static shard => shard.Damage is not null)?.Damage!.Corruption ?? _replay.UnseenLost?.Corruption;
        if (damaged is not null && !_options.OpensDamagedShards)
        {
            EndCorrupt(damaged);
            return;
        }

        if (!_segments[0].IsFormatted)
        {
            Check.That(_segments.Count == 1 && shards.Count == 0);
            DeleteLast();
            Repair(CreateFirst);
            return;
        }

        PlanRepairs(scan);
        var tail = _segments[scan.TailIndex].Segment;
        foreach (var scanned in _segments)
        {
            scanned.Segment.IsReady = true;
        }

        var end = new JournalTail(tail, scan.TailOffset, scan.LastSequence, scan.LastChecksum, scan.LastHardStates, scan.LastManifest);
        Repair(() => Finish(scan.Identity, shards, end, scan));
    }

    private void PlanRepairs(JournalScan scan)
    {
        // The highest first, so that the numbers stay without gaps if this is interrupted. One prepared segment is kept.
        while (_segments.Count - 1 > scan.TailIndex)
        {
            var last = _segments[^1];
            if (_segments.Count - 2 == scan.TailIndex && last.IsFormatted && last.Segment.LengthBytes == _options.SegmentBytes)
            {
                break;
            }

            UnfinishedProbe.Hit();
            DeleteLast();
        }

        for (var i = scan.TailIndex; i < _segments.Count; i++)
        {
            var scanned = _segments[i];
            var start = i == scan.TailIndex ? scan.TailOffset : JournalFormat.DataOffset;
            if (scanned.LastHeaderOffset >= start)
            {
                TornProbe.Hit();
                var zeros = new byte[scanned.LastHeaderOffset + JournalFormat.BlockBytes - start];
                _repairs.Enqueue(done => scanned.Segment.File!.Write(start, zeros, sync: true, done));
            }

            WriteHeaderAgain(scan.Identity, scanned.Segment);
        }

        foreach (var scanned in _segments)
        {
            foreach (var offset in scanned.StaleHeaderOffsets)
            {
                var zeros = new byte[JournalFormat.BlockBytes];
                _repairs.Enqueue(done => scanned.Segment.File!.Write(offset, zeros, sync: true, done));
            }

            if (scanned.IsHeaderDamaged)
            {
                WriteHeaderAgain(scan.Identity, scanned.Segment);
            }
        }

        var tail = _segments[scan.TailIndex].Segment;
        foreach (var (sequence, offset) in scan.TailBatches)
        {
            if (sequence > scan.ProvenSequence)
            {
                _repairs.Enqueue(done => new BatchRewrite(tail, offset, sequence, done).Start());
            }
        }
    }

    private void WriteHeaderAgain(ulong identity, Segment segment)
    {
        var header = new byte[SegmentHeader.SizeBytes];
        new SegmentHeader(identity, segment.Number).Write(header);
        _repairs.Enqueue(done => segment.File!.Write(JournalFormat.HeaderCopyOffset, header, sync: false, done));
        _repairs.Enqueue(done => segment.File!.Write(0, header, sync: true, done));
    }

    private void DeleteLast()
    {
        var segment = _segments[^1].Segment;
        _segments.RemoveAt(_segments.Count - 1);
        _repairs.Enqueue(done =>
        {
            segment.File!.Close();
            _disk.Delete(segment.Name, done);
        });
    }

    private void Repair(Action then)
    {
        if (!_repairs.TryDequeue(out var repair))
        {
            then();
            return;
        }

        repair(result =>
        {
            if (result.IsOk)
            {
                Repair(then);
            }
            else
            {
                Fail(result, $"repair {_folder}");
            }
        });
    }

    private void CreateFirst()
    {
        var segment = new Segment(_folder, 1, _options.Identity, _options.SegmentBytes);
        _disk.Create(segment.Name, _options.SegmentBytes, (created, file) =>
        {
            if (!created.IsOk)
            {
                Fail(created, $"create {segment.Name}");
                return;
            }

            segment.File = file;
            segment.LengthBytes = file!.LengthBytes;
            _segments.Add(new ScannedSegment(segment));
            file.Write(0, SegmentSupply.Head(_options.Identity, 1), sync: true, written =>
            {
                if (!written.IsOk)
                {
                    Fail(written, $"write {segment.Name}");
                    return;
                }

                segment.IsReady = true;
                var tail = new JournalTail(segment, JournalFormat.DataOffset, 0, 0, HardStates: 1, Manifest: null);
                Finish(_options.Identity, [], tail, null);
            });
        });
    }

    private void Finish(ulong identity, IReadOnlyList<RecoveredShard> shards, JournalTail tail, JournalScan? scan)
    {
        var chain = new SegmentChain(_folder, identity, _options.SegmentBytes, _segments.Select(static scanned => scanned.Segment));
        var recovered = new RecoveredJournal(chain, tail, shards, scan?.Lost ?? [], scan?.HeaderDamages ?? [])
        {
            UnseenLost = _replay.UnseenLost,
        };
        _done(new JournalOpening(JournalOpeningStatus.Ok, new Journal(_disk, _options, recovered)));
    }

    private void EndCorrupt(StorageCorruption corruption)
    {
        CloseFiles();
        _done(new JournalOpening(JournalOpeningStatus.Corrupt, Corruption: corruption));
    }

    private void Fail(DiskResult result, string operation)
    {
        CloseFiles();
        _done(new JournalOpening(JournalOpeningStatus.Failed, DiskResult: result, Detail: operation));
    }

    private void CloseFiles()
    {
        foreach (var scanned in _segments)
        {
            scanned.Segment.File?.Close();
        }
    }
}
