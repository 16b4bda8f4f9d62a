using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Opens a store: lists the folder, reads the manifest, compares what it names with what is there, writes the manifest anew, and deletes
/// what no manifest names. No sorted file is read.
/// </summary>
internal sealed class LsmOpener(IDisk disk, string folder, LsmOptions options, Action<LsmOpening> done)
{
    private const long ManifestBytesMax = 1L << 30;
    private const int ManifestReadsMax = 8;

    private static readonly Probe OrphanProbe = Probe.Define("store: orphan deleted at open");

    private IReadOnlyList<DiskEntry> _entries = [];

    /// <summary>Begins.</summary>
    public void Open() => disk.List(folder, (result, entries) =>
    {
        _entries = entries;
        var manifest = entries.Where(static e => e.Name == ManifestFormat.Name).ToList();
        if (!result.IsOk)
        {
            End(LsmOpeningStatus.Failed, null, result);
        }
        else if (manifest.Count > 0)
        {
            ReadManifest(manifest[0].LengthBytes);
        }
        else if (entries.Any(static e => TableFormat.TryParseNumberedName(e.Name, out _)))
        {
            // The manifest comes before the first file of any kind, and is only ever replaced.
            End(LsmOpeningStatus.Corrupt, Corruption(0, "the manifest is missing, and sorted or value files are there"));
        }
        else
        {
            Make(options.Identity, [], 1);
        }
    });

    private void ReadManifest(long length)
    {
        if (length > ManifestBytesMax)
        {
            End(LsmOpeningStatus.Corrupt, Corruption(0, $"the manifest has {length} bytes"));
            return;
        }

        disk.Open($"{folder}/{ManifestFormat.Name}", (opened, file) =>
        {
            if (!opened.IsOk)
            {
                End(LsmOpeningStatus.Failed, null, opened);
                return;
            }

            var (identity, edits, offset, reading) = (0UL, new List<ManifestEdit>(), 0L, ManifestReading.Corrupt);
            byte[]? last = null;
            BlockSource.ReadChecked(file!, 0, (int)length, Check, (bytes, result, why) =>
            {
                file!.Close();
                if (bytes is not null)
                {
                    Make(identity, edits, NextNumber());
                }
                else if (result.IsOk)
                {
                    End(
                        reading == ManifestReading.NewerVersion ? LsmOpeningStatus.NewerVersion : LsmOpeningStatus.Corrupt,
                        Corruption(offset, why!));
                }
                else
                {
                    End(LsmOpeningStatus.Failed, null, result);
                }
            }, ManifestReadsMax);

            // A read that went astray could also look like a torn end: only what two reads agree on is believed.
            string? Check(byte[] bytes)
            {
                reading = ManifestFormat.Read(bytes, out identity, out edits, out offset, out var why);
                if (reading != ManifestReading.Ok)
                {
                    return why;
                }

                var isSame = last is not null && last.AsSpan().SequenceEqual(bytes);
                last = [.. bytes];
                return isSame ? null : "two reads of the manifest differ";
            }
        });
    }

    private ulong NextNumber()
    {
        ulong next = 1;
        foreach (var entry in _entries)
        {
            if (TableFormat.TryParseNumberedName(entry.Name, out var number))
            {
                next = Math.Max(next, number + 1);
            }
        }

        return next;
    }

    private void Make(ulong identity, List<ManifestEdit> edits, ulong nextNumber)
    {
        var store = new LsmStore(disk, folder, identity, options);
        if (store.Restore(edits, nextNumber) is { } why)
        {
            End(LsmOpeningStatus.Corrupt, Corruption(0, why));
            return;
        }

        var lengths = _entries.ToDictionary(static e => e.Name, static e => e.LengthBytes, StringComparer.Ordinal);
        var missing = new List<StoreFault>();
        var named = new HashSet<string>(StringComparer.Ordinal) { ManifestFormat.Name };
        foreach (var table in store.Files.Levels.SelectMany(static l => l))
        {
            var name = table.Name[(folder.Length + 1)..];
            named.Add(name);
            if (WhyNot(name, table.Meta.LengthBytes) is { } tableWhy)
            {
                missing.Add(table.Corrupt(0, tableWhy));
            }
        }

        foreach (var file in store.Files.ValueUses.Select(static u => u.File))
        {
            var name = file.Name[(folder.Length + 1)..];
            named.Add(name);
            if (WhyNot(name, file.Meta.LengthBytes) is { } fileWhy)
            {
                var users = store.Files.Levels.SelectMany(static l => l).Where(t => t.ValueFiles.Contains(file)).ToList();
                missing.Add(file.Lose(
                    fileWhy,
                    users.MinBy(static t => t.Meta.From, Foundation.Bytes.KeyOrder.Instance)!.Meta.From,
                    users.MaxBy(static t => t.Meta.To, Foundation.Bytes.KeyOrder.Instance)!.Meta.To));
            }
        }

        // What no edit ever named is a leftover of unfinished work and goes at once: it may be what fills the disk. What an edit removed
        // goes once the manifest is written anew: that edit may be in the operating system's memory only.
        var everNamed = edits.SelectMany(static e => e.Added).Select(a => TableFormat.FileName(folder, a.Meta.Number))
            .Concat(edits.SelectMany(static e => e.AddedValues).Select(v => TableFormat.ValueFileName(folder, v.Number))).ToHashSet();
        var orphans = _entries.Select(static e => e.Name).Where(name => !named.Contains(name) && IsOurs(name)).ToList();
        var (later, now) = (orphans.FindAll(name => everNamed.Contains($"{folder}/{name}")), orphans);
        now.RemoveAll(later.Contains);
        DeleteOrphans(now, () => WriteManifest(store, later, missing));

        string? WhyNot(string name, long lengthBytes) =>
            !lengths.TryGetValue(name, out var length) ? "the file is missing"
            : length != lengthBytes ? $"the file has {length} bytes instead of {lengthBytes}"
            : null;
    }

    private void WriteManifest(LsmStore store, List<string> orphans, List<StoreFault> missing)
    {
        var isOpen = false;
        store.WhenBlocked = () => Opened();
        store.Commit(new ManifestEdit(), result =>
        {
            if (result.IsOk)
            {
                DeleteOrphans(orphans, () => Opened());
            }
            else
            {
                End(LsmOpeningStatus.Failed, null, result);
            }
        });

        // On a full disk the store opens all the same, for reading; it writes as soon as there is space.
        void Opened()
        {
            if (!isOpen)
            {
                isOpen = true;
                store.WhenBlocked = null;
                done(new LsmOpening(LsmOpeningStatus.Ok, store, null, DiskResult.Success, missing));
            }
        }
    }

    // Other files in the folder are not the store's to delete.
    private static bool IsOurs(string name) => name == ManifestFormat.NewName || TableFormat.TryParseNumberedName(name, out _);

    private void DeleteOrphans(List<string> names, Action gone)
    {
        var left = names.Count;
        if (left == 0)
        {
            gone();
        }

        foreach (var name in names)
        {
            OrphanProbe.Hit();
            disk.Delete($"{folder}/{name}", _ =>
            {
                if (--left == 0)
                {
                    gone();
                }
            });
        }
    }

    private StorageCorruption Corruption(long offset, string why) => new($"{folder}/{ManifestFormat.Name}", offset, why);

    private void End(LsmOpeningStatus status, StorageCorruption? corruption, DiskResult result = default) =>
        done(new LsmOpening(status, null, corruption, result, []));
}
