using Atoll.Foundation.World;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Atoll.Storage.Snapshots;

namespace Atoll.Storage.Inspection;

/// <summary>
/// What a loop's folder holds, opened as the node itself would. Opening repairs and tidies, so the disk should be one that keeps changes
/// to itself.
/// </summary>
public sealed class LoopStorage
{
    /// <summary>The journal's folder.</summary>
    public const string JournalFolder = "journal";

    /// <summary>The store's folder.</summary>
    public const string StoreFolder = "store";

    /// <summary>The snapshots' folder.</summary>
    public const string SnapshotFolder = "snapshots";

    private const long CacheBytes = 16 * 1024 * 1024;

    private LoopStorage(IDisk disk) => Disk = disk;

    /// <summary>The loop's files.</summary>
    public IDisk Disk { get; }

    /// <summary>The journal's files before it was opened, by name.</summary>
    public IReadOnlyList<DiskEntry> JournalFiles { get; private set; } = [];

    /// <summary>The store's files before it was opened, by name.</summary>
    public IReadOnlyList<DiskEntry> StoreFiles { get; private set; } = [];

    /// <summary>What an opening mends in passing, found before: damaged copies whose other copy is whole.</summary>
    internal List<StorageFinding> Findings { get; } = [];

    /// <summary>What the manifest's copies are like; null when there is no store.</summary>
    internal ManifestCheck? Manifest { get; private set; }

    /// <summary>How opening the journal ended; null when there is none.</summary>
    public JournalOpening? Journal { get; private set; }

    /// <summary>How opening the store ended; null when there is none.</summary>
    public LsmOpening? Store { get; private set; }

    /// <summary>How opening the snapshots ended.</summary>
    public SnapshotStoreOpening? Snapshots { get; private set; }

    /// <summary>Opens all there is.</summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="done">The end; what could not be opened says so itself.</param>
    public static void Open(IDisk disk, Action<LoopStorage> done) => new LoopStorage(disk).ListFiles(done);

    private void ListFiles(Action<LoopStorage> done) => Disk.List(JournalFolder, (_, journal) =>
    {
        JournalFiles = [.. journal.Where(static file => JournalFormat.TryParseSegmentName(file.Name, out var _))];
        Disk.List(StoreFolder, (_, store) =>
        {
            StoreFiles = store;
            OpenJournal(() => OpenStore(() => SnapshotStore.Open(Disk, SnapshotFolder, snapshots =>
            {
                Snapshots = snapshots;
                done(this);
            })));
        });
    });

    private void OpenJournal(Action next)
    {
        if (JournalFiles.Count == 0)
        {
            next();
            return;
        }

        SegmentHeadCheck.Run(Disk, JournalFiles.Select(static file => $"{JournalFolder}/{file.Name}"), Findings, () =>
            Journals.Journal.Open(Disk, JournalFolder, new JournalOptions { OpensDamagedShards = true, CacheBytes = 0 }, opening =>
            {
                Journal = opening;
                next();
            }));
    }

    private void OpenStore(Action next)
    {
        if (StoreFiles.Count == 0)
        {
            next();
            return;
        }

        ManifestCheck.Run(Disk, $"{StoreFolder}/{ManifestFormat.Name}", manifest =>
        {
            Manifest = manifest;
            Findings.AddRange(manifest.Findings);
            LsmStore.Open(Disk, StoreFolder, new LsmOptions { CacheBytes = CacheBytes }, opening =>
            {
                Store = opening;
                next();
            });
        });
    }
}
