using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;

namespace Atoll.Simulation.Disks;

/// <summary>
/// The content of one file, as the process sees it and as it would be found after a power loss. Pages are shared between the two views and
/// every sync under way, and are copied at the first write after a sync; a page that was never written is null and reads as zeros.
/// </summary>
internal sealed class FileImage
{
    /// <summary>What is written to the medium as a whole or not at all.</summary>
    public const int SectorBytes = 512;

    /// <summary>The unit of sharing and of space.</summary>
    public const int PageBytes = 4096;

    private readonly PageTable _current = new();
    private readonly PageTable _durable = new();
    private readonly List<SyncPoint> _syncs = [];
    private readonly List<int> _dirty = [];
    private readonly HashSet<int> _isDirty = [];
    private long _durableLengthBytes;

    /// <summary>An empty file of zeros.</summary>
    public FileImage(long lengthBytes)
    {
        LengthBytes = lengthBytes;
        _durableLengthBytes = lengthBytes;
    }

    /// <summary>The length as the process sees it.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>The space that it takes.</summary>
    public long SpaceBytes => (Math.Max(LengthBytes, _durableLengthBytes) + PageBytes - 1) / PageBytes * PageBytes;

    /// <summary>Changes what the process sees.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        LengthBytes = Math.Max(LengthBytes, offset + data.Length);
        while (data.Length > 0)
        {
            var within = (int)(offset % PageBytes);
            var size = Math.Min(PageBytes - within, data.Length);
            data[..size].CopyTo(OwnPage((int)(offset / PageBytes)).AsSpan(within));
            offset += size;
            data = data[size..];
        }
    }

    /// <summary>What the process sees; returns the number of bytes before the end of the file.</summary>
    public int Read(long offset, Span<byte> buffer)
    {
        var readable = (int)Math.Clamp(LengthBytes - offset, 0, buffer.Length);
        for (var done = 0; done < readable;)
        {
            var within = (int)((offset + done) % PageBytes);
            var size = Math.Min(PageBytes - within, readable - done);
            var page = _current[(int)((offset + done) / PageBytes)];
            if (page is null)
            {
                buffer.Slice(done, size).Clear();
            }
            else
            {
                page.AsSpan(within, size).CopyTo(buffer[done..]);
            }

            done += size;
        }

        return readable;
    }

    /// <summary>Cuts or grows what the process sees.</summary>
    public void Truncate(long lengthBytes)
    {
        if (lengthBytes < LengthBytes)
        {
            var firstGone = (int)((lengthBytes + PageBytes - 1) / PageBytes);
            for (var page = firstGone; page < _current.Count; page++)
            {
                if (_current[page] is not null)
                {
                    _current[page] = null;
                    MarkDirty(page);
                }
            }

            if (lengthBytes % PageBytes != 0 && _current[firstGone - 1] is not null)
            {
                OwnPage(firstGone - 1).AsSpan((int)(lengthBytes % PageBytes)).Clear();
            }
        }

        LengthBytes = lengthBytes;
    }

    /// <summary>A sync begins: remembers what it would make durable.</summary>
    public SyncPoint BeginSync(bool truncates)
    {
        var pages = new (int, byte[]?)[_dirty.Count];
        for (var i = 0; i < pages.Length; i++)
        {
            pages[i] = (_dirty[i], _current[_dirty[i]]);
        }

        _dirty.Clear();
        _isDirty.Clear();
        var point = new SyncPoint(pages, LengthBytes, truncates);
        _syncs.Add(point);
        return point;
    }

    /// <summary>A sync ended well: it and all before it are durable.</summary>
    public void EndSync(SyncPoint point)
    {
        var through = _syncs.IndexOf(point);
        for (var i = 0; i <= through; i++)
        {
            Apply(_syncs[i], _durable);
            _durableLengthBytes = _syncs[i].LengthBytes;
        }

        _syncs.RemoveRange(0, through + 1);
    }

    /// <summary>A sync failed: its pages count as clean, and no later sync writes them.</summary>
    public void DropSync(SyncPoint point) => _syncs.Remove(point);

    /// <summary>Flips a bit for good, in both views.</summary>
    public void FlipBit(long offset, int bit)
    {
        var page = (int)(offset / PageBytes);
        var durable = _durable[page];
        var shared = ReferenceEquals(durable, _current[page]);
        if (durable is not null)
        {
            _durable[page] = Flipped(durable, (int)(offset % PageBytes), bit);
        }

        if (shared)
        {
            _current[page] = _durable[page];
        }
        else if (_current[page] is { } current)
        {
            current[offset % PageBytes] ^= (byte)(1 << bit);
        }
    }

    /// <summary>The offsets at which a page has content, for choosing where to rot.</summary>
    public IReadOnlyList<long> WrittenPageOffsets()
    {
        var offsets = new List<long>();
        for (var page = 0; page < _current.Count; page++)
        {
            if (_current[page] is not null)
            {
                offsets.Add((long)page * PageBytes);
            }
        }

        return offsets;
    }

    /// <summary>
    /// The power goes: of what was not durable, some sectors are kept, in any order and any version that was ever under way. Truncations
    /// are atomic. Returns the number of pages that lost something.
    /// </summary>
    public long LosePower(Prng prng, PowerLossStyle style)
    {
        var last = new SyncPoint(DifferencesFromDurable(), LengthBytes, false);
        var usable = new List<SyncPoint>();
        var reached = true;
        foreach (var point in _syncs)
        {
            if (point.Truncates)
            {
                reached = style == PowerLossStyle.KeepAll || (style != PowerLossStyle.KeepNothing && prng.Chance(500_000));
                if (!reached)
                {
                    break;
                }

                usable.ForEach(before => Apply(before, _durable));
                usable.Clear();
                Apply(point, _durable);
                _durableLengthBytes = point.LengthBytes;
            }
            else
            {
                usable.Add(point);
            }
        }

        if (reached)
        {
            usable.Add(last);
        }

        var lost = Settle(usable, prng, style);
        _syncs.Clear();
        _dirty.Clear();
        _isDirty.Clear();
        LengthBytes = _durableLengthBytes;
        CutDurableTo(LengthBytes);
        _current.CopyFrom(_durable);
        return lost;
    }

    private static void Apply(SyncPoint point, PageTable table)
    {
        foreach (var (page, content) in point.Pages)
        {
            table[page] = content;
        }
    }

    private static byte[] Flipped(byte[] page, int offset, int bit)
    {
        var flipped = (byte[])page.Clone();
        flipped[offset] ^= (byte)(1 << bit);
        return flipped;
    }

    private long Settle(List<SyncPoint> usable, Prng prng, PowerLossStyle style)
    {
        if (usable.Count == 0)
        {
            return 0;
        }

        var versions = new SortedDictionary<int, List<byte[]?>>();
        foreach (var point in usable)
        {
            foreach (var (page, content) in point.Pages)
            {
                if (!versions.TryGetValue(page, out var list))
                {
                    versions[page] = list = [_durable[page]];
                }

                list.Add(content);
            }
        }

        long lost = 0;
        foreach (var (page, list) in versions)
        {
            _durable[page] = style switch
            {
                PowerLossStyle.KeepNothing => list[0],
                PowerLossStyle.KeepAll => list[^1],
                PowerLossStyle.WholePages => prng.Pick(list),
                _ => MixSectors(list, prng),
            };
            lost += ReferenceEquals(_durable[page], list[^1]) ? 0 : 1;
        }

        _durableLengthBytes = style switch
        {
            PowerLossStyle.KeepNothing => _durableLengthBytes,
            PowerLossStyle.KeepAll => usable[^1].LengthBytes,
            _ => prng.Chance(500_000) ? prng.Pick(usable).LengthBytes : _durableLengthBytes,
        };
        return lost;
    }

    private static byte[] MixSectors(List<byte[]?> versions, Prng prng)
    {
        var mixed = new byte[PageBytes];
        for (var sector = 0; sector < PageBytes; sector += SectorBytes)
        {
            prng.Pick(versions)?.AsSpan(sector, SectorBytes).CopyTo(mixed.AsSpan(sector));
        }

        return mixed;
    }

    private (int, byte[]?)[] DifferencesFromDurable()
    {
        var differences = new List<(int, byte[]?)>();
        for (var page = 0; page < Math.Max(_current.Count, _durable.Count); page++)
        {
            if (!ReferenceEquals(_current[page], _durable[page]))
            {
                differences.Add((page, _current[page]));
            }
        }

        return [.. differences];
    }

    private void CutDurableTo(long lengthBytes)
    {
        var firstGone = (int)((lengthBytes + PageBytes - 1) / PageBytes);
        for (var page = firstGone; page < _durable.Count; page++)
        {
            _durable[page] = null;
        }

        if (lengthBytes % PageBytes != 0 && _durable[firstGone - 1] is { } cut)
        {
            var copy = (byte[])cut.Clone();
            copy.AsSpan((int)(lengthBytes % PageBytes)).Clear();
            _durable[firstGone - 1] = copy;
        }
    }

    // A page is private to the current view exactly while it is dirty.
    private byte[] OwnPage(int index)
    {
        var page = _current[index];
        if (page is not null && _isDirty.Contains(index))
        {
            return page;
        }

        page = page is null ? new byte[PageBytes] : (byte[])page.Clone();
        _current[index] = page;
        MarkDirty(index);
        return page;
    }

    private void MarkDirty(int page)
    {
        if (_isDirty.Add(page))
        {
            _dirty.Add(page);
        }
    }

    /// <summary>What a sync would make durable.</summary>
    internal sealed class SyncPoint((int Page, byte[]? Content)[] pages, long lengthBytes, bool truncates)
    {
        public (int Page, byte[]? Content)[] Pages => pages;

        public long LengthBytes => lengthBytes;

        public bool Truncates => truncates;
    }

    private sealed class PageTable
    {
        private byte[]?[] _pages = [];

        public int Count { get; private set; }

        public byte[]? this[int page]
        {
            get => page < Count ? _pages[page] : null;
            set
            {
                if (page >= _pages.Length)
                {
                    Array.Resize(ref _pages, Math.Max(page + 1, Math.Max(16, _pages.Length * 2)));
                }

                Count = Math.Max(Count, page + 1);
                _pages[page] = value;
            }
        }

        public void CopyFrom(PageTable other)
        {
            _pages = (byte[]?[])other._pages.Clone();
            Count = other.Count;
            Check.That(Count <= _pages.Length);
        }
    }
}
