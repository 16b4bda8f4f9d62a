using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Atoll.Storage.Snapshots;

namespace Atoll.Storage.Inspection;

/// <summary>
/// Reads all of a loop's files, and says what of it is not as it should be: journal, store and snapshots each in itself, and whether they
/// fit together. Nothing that is found ends it: everything is looked at.
/// </summary>
public sealed class LoopVerification
{
    private const int ReadBytes = 1024 * 1024;

    private readonly LoopStorage _loop;
    private readonly Action _done;
    private readonly List<StorageFinding> _findings = [];
    private readonly Queue<ShardLog> _logs = new();
    private readonly Queue<Table> _tables = new();
    private readonly Queue<SnapshotInfo> _snapshots = new();

    private LoopVerification(LoopStorage loop, Action done)
    {
        _loop = loop;
        _done = done;
    }

    /// <summary>What is being read.</summary>
    public string Current { get; private set; } = "";

    /// <summary>Files that were read.</summary>
    public int Files { get; private set; }

    /// <summary>Blocks of sorted files that were read.</summary>
    public long Blocks { get; private set; }

    /// <summary>Entries of sorted files that were looked at.</summary>
    public long StoreEntries { get; private set; }

    /// <summary>Values kept apart from their keys that were read.</summary>
    public long Values { get; private set; }

    /// <summary>Entries of logs that were looked at.</summary>
    public long LogEntries { get; private set; }

    /// <summary>What was found, in the order of reading.</summary>
    public IReadOnlyList<StorageFinding> Findings => _findings;

    /// <summary>True when something is damaged, or could not be read or understood.</summary>
    public bool IsDamaged => _findings.Exists(static finding => finding.Kind != FindingKind.Harmless);

    /// <summary>Begins.</summary>
    /// <param name="loop">What was opened.</param>
    /// <param name="done">The end.</param>
    public static LoopVerification Run(LoopStorage loop, Action done)
    {
        var verification = new LoopVerification(loop, done);
        verification.Start();
        return verification;
    }

    private void Start()
    {
        _findings.AddRange(_loop.Findings);
        TakeJournal();
        TakeStore();
        TakeSnapshots();
        CheckFit();
        NextLog();
    }

    private void TakeJournal()
    {
        if (_loop.Journal is not { } opening)
        {
            return;
        }

        Files += _loop.JournalFiles.Count;
        switch (opening.Status)
        {
            case JournalOpeningStatus.Corrupt:
                Add(FindingKind.Damage, opening.Corruption!);
                break;
            case JournalOpeningStatus.NewerVersion:
                Add(FindingKind.NewerVersion, new StorageCorruption(LoopStorage.JournalFolder, 0, opening.Detail!));
                break;
            case JournalOpeningStatus.Failed:
                Add(FindingKind.Unreadable, new StorageCorruption(
                    LoopStorage.JournalFolder, 0, $"{opening.Detail}: {opening.DiskResult.Detail}"));
                break;
        }

        foreach (var log in opening.Journal?.Logs ?? [])
        {
            _logs.Enqueue(log);
        }

        foreach (var damage in opening.Journal?.Damages ?? [])
        {
            var shards = opening.Journal!.Logs.Where(log => log.Damage?.Corruption == damage).Select(static log => log.ShardId).ToList();
            var isHarmless = shards.Count == 0;
            _findings.Add(new StorageFinding(
                isHarmless ? FindingKind.Harmless : FindingKind.Damage,
                isHarmless ? damage with { Why = $"{damage.Why}; nothing that is needed is lost" } : damage)
            {
                Shards = shards,
            });
        }
    }

    private void TakeStore()
    {
        if (_loop.Store is not { } opening)
        {
            return;
        }

        Files++;
        switch (opening.Status)
        {
            case LsmOpeningStatus.Corrupt:
                Add(FindingKind.Damage, opening.Corruption!);
                break;
            case LsmOpeningStatus.NewerVersion:
                Add(FindingKind.NewerVersion, opening.Corruption!);
                break;
            case LsmOpeningStatus.Failed:
                Add(FindingKind.Unreadable, new StorageCorruption(
                    LoopStorage.StoreFolder, 0, opening.DiskResult.Detail ?? "the store cannot be opened"));
                break;
        }

        foreach (var fault in opening.Missing)
        {
            AddFault(fault);
        }

        var missing = opening.Missing.Select(static fault => fault.Corruption.File).ToHashSet(StringComparer.Ordinal);
        foreach (var table in opening.Store?.Files.Levels.SelectMany(static level => level) ?? [])
        {
            if (!missing.Contains(table.Name))
            {
                _tables.Enqueue(table);
            }
        }
    }

    private void TakeSnapshots()
    {
        var opening = _loop.Snapshots!;
        foreach (var damage in opening.Damaged)
        {
            Files++;
            Add(FindingKind.Damage, damage);
        }

        if (opening.Status == SnapshotStatus.NewerVersion)
        {
            Add(FindingKind.NewerVersion, new StorageCorruption(LoopStorage.SnapshotFolder, 0, opening.Detail!));
        }
        else if (opening.Status == SnapshotStatus.Failed)
        {
            Add(FindingKind.Unreadable, new StorageCorruption(
                LoopStorage.SnapshotFolder, 0, $"{opening.Detail}: {opening.DiskResult.Detail}"));
        }

        foreach (var shard in opening.Store?.Shards ?? [])
        {
            foreach (var snapshot in opening.Store!.List(shard))
            {
                _snapshots.Enqueue(snapshot);
            }
        }
    }

    // What the log does not have any more, the store or a snapshot must: else entries that were acknowledged are nowhere.
    private void CheckFit()
    {
        if (_loop.Journal?.Journal is not { } journal)
        {
            return;
        }

        foreach (var log in journal.Logs.Where(static log => !log.IsRebuilding))
        {
            var stored = _loop.Store?.Store?.Shards.FirstOrDefault(shard => shard.Shard == log.ShardId)?.DurableApplied ?? LogIndex.Zero;
            var latest = _loop.Snapshots!.Store?.Latest(log.ShardId)?.Meta.Index ?? LogIndex.Zero;
            var through = latest > stored ? latest : stored;
            if (log.CompactedIndex > through)
            {
                _findings.Add(new StorageFinding(FindingKind.Damage, new StorageCorruption(
                    LoopStorage.JournalFolder, 0,
                    $"the log begins after index {log.CompactedIndex}, store and snapshots have the state only through index {through}"))
                {
                    Shards = [log.ShardId],
                });
            }
        }
    }

    private void NextLog()
    {
        if (_logs.TryDequeue(out var log))
        {
            Current = $"log of shard {log.ShardId}";
            ReadLog(log, log.FirstIndex);
        }
        else
        {
            NextTable();
        }
    }

    private void ReadLog(ShardLog log, LogIndex from)
    {
        if (from > log.LastIndex)
        {
            NextLog();
            return;
        }

        log.Read(from, log.LastIndex, ReadBytes, read =>
        {
            if (read.Status == LogReadStatus.Ok)
            {
                LogEntries += read.Entries.Count;
                ReadLog(log, read.Entries[^1].Index.Next);
                return;
            }

            // The damaged entry may be any of those asked for: one by one until it is found.
            ReadOne(log, from);
        });
    }

    private void ReadOne(ShardLog log, LogIndex index)
    {
        if (index > log.LastIndex)
        {
            NextLog();
            return;
        }

        log.Read(index, index, ReadBytes, read =>
        {
            if (read.Status == LogReadStatus.Ok)
            {
                LogEntries++;
                ReadOne(log, index.Next);
                return;
            }

            var corruption = read.Corruption ?? new StorageCorruption(
                LoopStorage.JournalFolder, 0, read.DiskResult.Detail ?? "the entry cannot be read");
            _findings.Add(new StorageFinding(
                read.Status == LogReadStatus.Corrupt ? FindingKind.Damage : FindingKind.Unreadable,
                corruption with { Why = $"{corruption.Why} (entry {index})" })
            {
                Shards = [log.ShardId],
            });
            ReadLog(log, index.Next);
        });
    }

    private void NextTable()
    {
        if (!_tables.TryDequeue(out var table))
        {
            NextSnapshot();
            return;
        }

        Current = table.Name;
        Files++;
        SortedFileCheck? check = null;
        check = SortedFileCheck.Run(_loop.Disk, table, AddFault, () =>
        {
            Blocks += check!.Blocks;
            StoreEntries += check.Entries;
            Values += check.Values;
            NextTable();
        });
    }

    private void NextSnapshot()
    {
        if (!_snapshots.TryDequeue(out var snapshot))
        {
            Current = "";
            _done();
            return;
        }

        Current = snapshot.File;
        Files++;
        _loop.Snapshots!.Store!.OpenRead(snapshot, (status, reader) =>
        {
            if (reader is null)
            {
                AddSnapshot(snapshot, FindingKind.Unreadable, new StorageCorruption(snapshot.File, 0, $"it cannot be opened: {status}"));
                NextSnapshot();
                return;
            }

            ReadSnapshot(snapshot, reader, new byte[ReadBytes], 0);
        });
    }

    private void ReadSnapshot(SnapshotInfo snapshot, SnapshotReader reader, byte[] buffer, long offset)
    {
        if (offset >= snapshot.ContentBytes)
        {
            reader.Close();
            NextSnapshot();
            return;
        }

        reader.Read(offset, buffer, read =>
        {
            var length = read.Bytes;
            if (read.Status != SnapshotStatus.Ok)
            {
                AddSnapshot(
                    snapshot,
                    read.Status == SnapshotStatus.Corrupt ? FindingKind.Damage : FindingKind.Unreadable,
                    read.Corruption ?? new StorageCorruption(snapshot.File, offset, read.DiskResult.Detail ?? "it cannot be read"));
                length = SnapshotFormat.ChunkContentBytes; // the read names its first damaged chunk; those behind are read again
            }

            ReadSnapshot(snapshot, reader, buffer, offset + length);
        });
    }

    private void AddSnapshot(SnapshotInfo snapshot, FindingKind kind, StorageCorruption corruption)
    {
        // A read that was begun a chunk further on names the same chunk again.
        if (!_findings.Exists(known => known.Corruption == corruption))
        {
            _findings.Add(new StorageFinding(kind, corruption) { Shards = [snapshot.Meta.Shard] });
        }
    }

    // What a merge has yet to throw away is no loss.
    private void AddFault(StoreFault fault)
    {
        var shards = LoopInspection.ShardsWithin(_loop.Store!.Store, fault.From.Span, fault.To.Span);
        var kind = !fault.IsCorruption ? FindingKind.Unreadable : shards.Any() ? FindingKind.Damage : FindingKind.Harmless;
        _findings.Add(new StorageFinding(kind, fault.Corruption) { Shards = shards, From = fault.From, To = fault.To });
    }

    private void Add(FindingKind kind, StorageCorruption corruption) => _findings.Add(new StorageFinding(kind, corruption));
}
