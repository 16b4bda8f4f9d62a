using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Disks;

/// <summary>
/// One loop's disk. It outlives the loop: a loop works on a mount of it, a crash ends the mount, and the next incarnation mounts what is
/// left. An operation changes what later operations see when it is asked for, and is durable (as far as it promised) when its end is
/// delivered; between the two a crash decides.
/// </summary>
public sealed class SimDisk
{
    private readonly Namespace _names = new();
    private readonly SortedSet<SimFile> _files = new(SimFile.ByNumber);
    private readonly Scheduler _scheduler;
    private readonly Prng _prng;
    private readonly FaultLedger _ledger;
    private Instant _stalledUntil;
    private LoopIncarnation? _mounted;
    private long _filesMade;

    /// <summary>An empty disk.</summary>
    /// <param name="scheduler">Where ends of operations are delivered from.</param>
    /// <param name="prng">Draws times and faults; the disk's own.</param>
    /// <param name="faults">How the disk behaves; null for a good one.</param>
    /// <param name="ledger">Where injected faults are counted; null when nobody asks.</param>
    public SimDisk(Scheduler scheduler, Prng prng, DiskFaults? faults = null, FaultLedger? ledger = null)
    {
        _scheduler = scheduler;
        _prng = prng;
        Faults = faults ?? new DiskFaults();
        _ledger = ledger ?? new FaultLedger();
    }

    /// <summary>How the disk behaves from now on.</summary>
    public DiskFaults Faults { get; }

    /// <summary>Bytes that files take, open deleted ones included.</summary>
    public long UsedBytes => _files.Sum(file => file.Image.SpaceBytes);

    /// <summary>Reads that will fail next, whatever the rates say.</summary>
    public int FailNextReads { get; set; }

    /// <summary>Writes that will fail next, whatever the rates say.</summary>
    public int FailNextWrites { get; set; }

    /// <summary>Syncs (alone or with a write) that will fail next, whatever the rates say.</summary>
    public int FailNextSyncs { get; set; }

    /// <summary>Operations asked for so far.</summary>
    public long Operations { get; private set; }

    /// <summary>Names of all files, by ordinal name.</summary>
    public IReadOnlyList<string> FileNames => _names.All;

    internal Scheduler Scheduler => _scheduler;

    internal Instant StalledUntil => _stalledUntil;

    internal Namespace Names => _names;

    /// <summary>Gives the disk to a loop. The previous one must have crashed.</summary>
    /// <param name="loop">Whose events the ends of operations are; null for a test that has no loops.</param>
    public IDisk Mount(LoopIncarnation? loop = null)
    {
        Check.That(_mounted is null);
        _mounted = loop ?? new LoopIncarnation(new LoopAddress(new NodeId(1), 0));
        return new SimMount(this, _mounted);
    }

    /// <summary>
    /// The process dies (the operating system and its cache live on), or the whole machine does. Operations under way may or may not have
    /// happened, and their ends are never delivered.
    /// </summary>
    /// <param name="powerLoss">True when the machine loses power.</param>
    /// <param name="style">What is kept of what was not synced; null to draw it.</param>
    public void Crash(bool powerLoss = true, PowerLossStyle? style = null)
    {
        if (_mounted is { IsAlive: true } loop)
        {
            loop.Kill();
        }

        _mounted = null;
        _scheduler.Trace.Record(_scheduler.Now, SimEventKind.Crash, 0, powerLoss ? 1 : 0, (ulong)UsedBytes);
        _names.Crash(_prng);
        foreach (var file in _files)
        {
            file.ForgetOperations();
            if (powerLoss)
            {
                _ledger.Count(FaultKind.SectorLost, file.Image.LosePower(_prng, style ?? (PowerLossStyle)_prng.NextInt(0, 3)));
            }
        }

        _files.RemoveWhere(file => !_names.Holds(file));
    }

    /// <summary>The disk does nothing for that long: ends of operations wait.</summary>
    public void StallFor(Duration duration)
    {
        _ledger.Count(FaultKind.DiskStalled);
        _stalledUntil = Instant.Max(_stalledUntil, _scheduler.Now + duration);
    }

    /// <summary>Flips one bit for good somewhere in what is stored; false when nothing is.</summary>
    /// <param name="namePrefix">Only in files whose names begin so.</param>
    public bool Rot(string namePrefix = "")
    {
        var places = new List<(SimFile File, long Offset)>();
        foreach (var name in _names.All.Where(name => name.StartsWith(namePrefix, StringComparison.Ordinal)))
        {
            var file = _names.Find(name)!;
            places.AddRange(file.Image.WrittenPageOffsets().Select(offset => (file, offset)));
        }

        if (places.Count == 0)
        {
            return false;
        }

        var (rotten, page) = _prng.Pick(places);
        var bytes = Math.Min(FileImage.PageBytes, rotten.Image.LengthBytes - page);
        return bytes > 0 && Rot(rotten, page + (long)_prng.NextBelow((ulong)bytes));
    }

    /// <summary>Flips one bit for good at a place of a file, which must exist.</summary>
    public void Rot(string name, long offset)
    {
        var file = _names.Find(name);
        Check.That(file is not null);
        Rot(file, offset);
    }

    /// <summary>The content of a file as the process would read it, without faults; null when there is no such file.</summary>
    public byte[]? Content(string name)
    {
        if (_names.Find(name) is not { } file)
        {
            return null;
        }

        var content = new byte[file.Image.LengthBytes];
        file.Image.Read(0, content);
        return content;
    }

    internal SimFile MakeFile(long lengthBytes)
    {
        var file = new SimFile(++_filesMade, new FileImage(lengthBytes));
        _files.Add(file);
        return file;
    }

    internal void ForgetIfGone(SimFile file)
    {
        if (file.OpenHandles == 0 && !_names.Holds(file))
        {
            _files.Remove(file);
        }
    }

    internal bool HasRoomFor(long bytes)
    {
        // What is used is counted file by file: only where there is a limit.
        if (bytes <= 0 || Faults.CapacityBytes == DiskFaults.Boundless || UsedBytes + bytes <= Faults.CapacityBytes)
        {
            return true;
        }

        _ledger.Count(FaultKind.DiskFull);
        return false;
    }

    internal bool ReadFails()
    {
        var scripted = FailNextReads > 0;
        FailNextReads -= scripted ? 1 : 0;
        return scripted || Strikes(Faults.ReadFailsPartsPerMillion, FaultKind.ReadFailed);
    }

    internal bool WriteFails()
    {
        var scripted = FailNextWrites > 0;
        FailNextWrites -= scripted ? 1 : 0;
        return scripted || Strikes(Faults.WriteFailsPartsPerMillion, FaultKind.WriteFailed);
    }

    internal bool SyncFails()
    {
        var scripted = FailNextSyncs > 0;
        FailNextSyncs -= scripted ? 1 : 0;
        return scripted || Strikes(Faults.SyncFailsPartsPerMillion, FaultKind.SyncFailed);
    }

    internal void CountLie() => _ledger.Count(FaultKind.SyncLied);

    // Some sectors of a write that fails are written all the same.
    internal void WriteSomeSectors(SimFile file, long offset, ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            var size = Math.Min(FileImage.SectorBytes - (int)(offset % FileImage.SectorBytes), data.Length);
            if (_prng.Chance(500_000))
            {
                file.Image.Write(offset, data[..size]);
            }

            offset += size;
            data = data[size..];
        }
    }

    // Returns the bytes read, after whatever the disk does to them.
    internal int ReadThrough(SimFile file, long offset, Span<byte> buffer)
    {
        if (Strikes(Faults.RotPartsPerMillion, FaultKind.BitRotten) && buffer.Length > 0 && offset < file.Image.LengthBytes)
        {
            var span = (ulong)Math.Min(buffer.Length, file.Image.LengthBytes - offset);
            file.Image.FlipBit(offset + (long)_prng.NextBelow(span), _prng.NextInt(0, 7));
        }

        var read = file.Image.Read(offset, buffer);
        if (read > 0 && Strikes(Faults.FlipOnReadPartsPerMillion, FaultKind.BitFlippedOnRead))
        {
            buffer[(int)_prng.NextBelow((ulong)read)] ^= (byte)(1 << _prng.NextInt(0, 7));
        }

        if (read > 0 && Strikes(Faults.MisdirectPartsPerMillion, FaultKind.ReadMisdirected))
        {
            var pages = (ulong)(file.Image.LengthBytes / FileImage.PageBytes) + 1;
            buffer[..read].Clear();
            file.Image.Read(((long)_prng.NextBelow(pages) * FileImage.PageBytes) + (offset % FileImage.PageBytes), buffer[..read]);
        }

        return read;
    }

    internal Duration DrawTime(DiskWork work, long bytes)
    {
        Operations++;
        var time = work switch
        {
            DiskWork.Read => _prng.NextDuration(Faults.ReadMin, Faults.ReadMax),
            DiskWork.Write => _prng.NextDuration(Faults.WriteMin, Faults.WriteMax),
            _ => _prng.NextDuration(Faults.SyncMin, Faults.SyncMax),
        };
        time += new Duration((long)((Int128)bytes * 1_000_000_000 / Faults.BytesPerSecond));
        if (Strikes(Faults.SlowPartsPerMillion, FaultKind.DiskSlow))
        {
            time += _prng.NextDuration(Duration.Zero, Faults.SlowTime);
        }

        return time;
    }

    private bool Rot(SimFile file, long offset)
    {
        _ledger.Count(FaultKind.BitRotten);
        file.Image.FlipBit(offset, _prng.NextInt(0, 7));
        return true;
    }

    private bool Strikes(int partsPerMillion, FaultKind kind)
    {
        if (partsPerMillion <= 0 || !_prng.Chance(partsPerMillion))
        {
            return false;
        }

        _ledger.Count(kind);
        return true;
    }
}

/// <summary>What an operation asks of the device; decides its time.</summary>
internal enum DiskWork : byte
{
    Read = 0,
    Write = 1,
    Sync = 2,
}
