using System.Globalization;
using Atoll.Foundation.Time;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>What to back up, and how.</summary>
public sealed record BackupOptions
{
    /// <summary>The folder to write to.</summary>
    public required string To { get; init; }

    /// <summary>The folder of an earlier backup whose unchanged segments are referred to; null: everything is stored.</summary>
    public string? Base { get; init; }

    /// <summary>The spaces; none: all.</summary>
    public IReadOnlyList<string> Spaces { get; init; } = [];

    /// <summary>Shards read at once.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>Bytes a second; 0: as fast as it goes.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>How long to go on while the cluster is not available, and how far its clocks may be apart.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A segment ends after so many bytes: small enough that a small change costs little, large enough for few files.</summary>
    public int SegmentBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>The program and its version.</summary>
    public string MadeBy { get; init; } = "atoll";
}

/// <summary>
/// A backup: everything in the chosen spaces as of one time, in a folder. One that is broken off leaves its finished segments: the next run
/// into the same folder chooses a new time and takes over those that have not changed, as it does with those of a base.
/// </summary>
public sealed class BackupRun
{
    // The moment was lost: its versions were collected before everything was read. So often a new one is tried.
    private const int MomentsMax = 3;
    private static readonly TimeSpan NoteEvery = TimeSpan.FromSeconds(1);
    private static readonly Comparer<byte[]> KeyComparer = Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b));

    private readonly IAtollClient _atoll;
    private readonly Action<string> _remark;
    private readonly Lock _lock = new();
    private readonly List<BackupSegment> _segments = [];
    private BackupManifest _manifest = new();

    /// <summary>A backup that has not begun.</summary>
    /// <param name="atoll">The cluster.</param>
    /// <param name="options">What and how.</param>
    /// <param name="remark">Told what people should know on the way.</param>
    public BackupRun(IAtollClient atoll, BackupOptions options, Action<string> remark)
    {
        _atoll = atoll;
        _remark = remark;
        Options = options;
        Patience = new Patience(options.Patience);
        Rate = new RateLimit(options.BytesPerSecond);
        Folder = BackupFolder.Open(options.To);
    }

    /// <summary>Records in the spaces, about: known once it runs.</summary>
    public long RecordsExpected { get; private set; }

    /// <summary>The sums over what there is so far.</summary>
    public RecordsDigest Done { get; private set; }

    /// <summary>Bytes written so far.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Records that were taken over from earlier segments.</summary>
    public long RecordsReused { get; private set; }

    internal BackupOptions Options { get; }

    internal Patience Patience { get; }

    internal RateLimit Rate { get; }

    internal BackupFolder Folder { get; }

    /// <summary>Takes the backup.</summary>
    /// <exception cref="BackupException">It cannot be taken as asked.</exception>
    /// <exception cref="AtollException">The cluster failed.</exception>
    public async Task<BackupManifest> RunAsync(CancellationToken cancellation)
    {
        var basis = Options.Base is { } folder
            ? BackupManifest.Load(folder, BackupManifest.FileName)
                ?? throw new BackupException($"there is no backup in {folder}: {BackupManifest.FileName} is missing")
            : null;
        var directory = await Patience.TryAsync(() => _atoll.Cluster.DirectoryAsync(cancellation), cancellation).ConfigureAwait(false);
        var cluster = BackupManifest.Hex(directory.ClusterId);
        if (basis is not null && basis.Cluster != cluster)
        {
            throw new BackupException($"{Options.Base} is a backup of another cluster ({basis.Cluster}, this one is {cluster})");
        }

        var spaces = await ChooseAsync(cancellation).ConfigureAwait(false);
        var shards = new List<ShardSource>();
        foreach (var space in spaces)
        {
            var records = _atoll.Records(space.Name);
            foreach (var shard in await records.Shards.ListAsync(cancellation).ConfigureAwait(false))
            {
                shards.Add(new ShardSource(space, records, shard));
            }

            RecordsExpected += (await Patience.TryAsync(() => records.CountAsync(default, cancellation), cancellation)
                .ConfigureAwait(false)).Records;
        }

        IReadOnlyList<BackupSegment> left = Folder.Partial is { } partial && partial.Cluster == cluster
            ? [.. partial.Segments.Where(segment => spaces.Any(space => space.Name == segment.Space))]
            : [];
        IReadOnlyList<BackupSegment> based = basis is null ? [] : Relocate(basis);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await TakeAsync(cluster, spaces, shards, left, based, cancellation).ConfigureAwait(false);
                var manifest = Describe(spaces, isComplete: true);
                Folder.Complete(manifest);
                return manifest;
            }
            catch (AtollException error) when (error.Code == ErrorCode.TimeCollected && attempt < MomentsMax)
            {
                _remark($"{error.Message}; beginning anew at a later time, with what has not changed");
                left = [.. _segments];
            }
        }
    }

    /// <summary>A segment is part of the backup.</summary>
    internal void Add(BackupSegment segment, bool isNew)
    {
        lock (_lock)
        {
            _segments.Add(segment);
            Done = Done.With(segment.Digest);
            BytesWritten += isNew ? segment.FileBytes : 0;
            RecordsReused += isNew ? 0 : segment.Records;
        }
    }

    // Earlier segments of one shard: first those of the run that was broken off, then, behind these, those of the base.
    internal static IReadOnlyList<BackupSegment> EarlierOf(ShardSource source, params IReadOnlyList<BackupSegment>[] layers)
    {
        var chosen = new List<(byte[] From, byte[] To, BackupSegment Segment)>();
        foreach (var layer in layers)
        {
            var ranges = layer
                .Where(segment => segment.Space == source.Space.Name
                    && segment.Low == source.Shard.HashLow && segment.High == source.Shard.HashHigh)
                .Select(segment => (From: segment.FromKey, To: segment.ToKey, Segment: segment))
                .OrderBy(range => range.From, KeyComparer)
                .ToArray();
            var free = new List<(byte[] From, byte[] To, BackupSegment Segment)>();
            var next = 0;
            foreach (var range in ranges)
            {
                while (next < chosen.Count && IsBefore(chosen[next].To, range.From))
                {
                    next++;
                }

                if ((next == chosen.Count || IsBefore(range.To, chosen[next].From))
                    && (free.Count == 0 || IsBefore(free[^1].To, range.From)))
                {
                    free.Add(range);
                }
            }

            chosen = [.. chosen.Concat(free).OrderBy(range => range.From, KeyComparer)];
        }

        return [.. chosen.Select(range => range.Segment)];

        // Whether a range that ends there lies before one that begins there; an empty end is the end of all keys.
        static bool IsBefore(byte[] to, byte[] from) => to.Length > 0 && to.AsSpan().SequenceCompareTo(from) <= 0;
    }

    private async Task TakeAsync(
        string cluster, IReadOnlyList<SpaceInfo> spaces, List<ShardSource> shards, IReadOnlyList<BackupSegment> left,
        IReadOnlyList<BackupSegment> based, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _segments.Clear();
            Done = default;
            RecordsReused = 0;
        }

        var time = shards.Count == 0
            ? HybridTime.Zero
            : await BackupMoment.ChooseAsync(shards, Patience, Options.Patience, _remark, cancellation).ConfigureAwait(false);
        _manifest = new BackupManifest
        {
            Cluster = cluster,
            Time = BackupManifest.Hex(time.Value),
            AsOf = Utc(DateTimeOffset.FromUnixTimeMilliseconds(time.UnixMilliseconds)),
            MadeBy = Options.MadeBy,
            Base = Options.Base is { } folder ? Relative(folder) : null,
        };
        var running = Parallel.ForEachAsync(
            shards,
            new ParallelOptions { MaxDegreeOfParallelism = Options.Parallel, CancellationToken = cancellation },
            async (shard, token) =>
                await new ShardBackup(shard, time, EarlierOf(shard, left, based), this).RunAsync(token).ConfigureAwait(false));
        var pause = NoteEvery;
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(pause, CancellationToken.None)).ConfigureAwait(false);
            if (!running.IsCompleted)
            {
                // The longer the list, the more seldom.
                var startedAt = TimeProvider.System.GetTimestamp();
                Note(spaces, left);
                pause = TimeSpan.FromTicks(Math.Max(NoteEvery.Ticks, TimeProvider.System.GetElapsedTime(startedAt).Ticks * 20));
            }
        }

        await running.ConfigureAwait(false);
    }

    // What a run that comes after this one may take over: what it has, and what it has not got to.
    private void Note(IReadOnlyList<SpaceInfo> spaces, IReadOnlyList<BackupSegment> left)
    {
        var manifest = Describe(spaces, isComplete: false);
        Folder.SavePartial(manifest with { Segments = [.. manifest.Segments, .. left.Except(manifest.Segments)] });
    }

    private BackupManifest Describe(IReadOnlyList<SpaceInfo> spaces, bool isComplete)
    {
        BackupSegment[] segments;
        lock (_lock)
        {
            segments = [.. _segments];
        }

        segments = [.. segments
            .OrderBy(segment => segment.Space, StringComparer.Ordinal)
            .ThenBy(segment => segment.HashLow, StringComparer.Ordinal)
            .ThenBy(segment => segment.FromKey, KeyComparer)];
        return _manifest with
        {
            MadeAt = isComplete ? Utc(TimeProvider.System.GetUtcNow()) : "",
            Spaces = [.. spaces.Select(space => Describe(space, segments))],
            Segments = segments,
        };
    }

    private static BackupSpace Describe(SpaceInfo space, BackupSegment[] segments)
    {
        var sums = segments.Where(segment => segment.Space == space.Name)
            .Aggregate(default(RecordsDigest), (sum, segment) => sum.With(segment.Digest));
        return new BackupSpace(
            space.Name, space.Options.FaultModel.ToString().ToLowerInvariant(), space.Options.Replicas,
            space.Options.Partitioning.ToString().ToLowerInvariant(), space.Options.ShardCount,
            Utc(DateTimeOffset.FromUnixTimeMilliseconds(space.Created.UnixMilliseconds)), sums.Records, sums.Bytes, sums.Expiring,
            BackupManifest.Hex(sums.Contents));
    }

    private async Task<IReadOnlyList<SpaceInfo>> ChooseAsync(CancellationToken cancellation)
    {
        var spaces = await Patience.TryAsync(() => _atoll.Spaces.ListAsync(cancellation), cancellation).ConfigureAwait(false);
        if (Options.Spaces.Count == 0)
        {
            var others = spaces.Where(static space => !CanBeBackedUp(space)).Select(static space => space.Name).ToList();
            if (others.Count > 0)
            {
                _remark("left out, as only strong spaces of records can be backed up in this version: " + string.Join(", ", others));
            }

            return [.. spaces.Where(CanBeBackedUp)];
        }

        return [.. Options.Spaces.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(name => Chosen(spaces, name))];
    }

    private static SpaceInfo Chosen(IEnumerable<SpaceInfo> spaces, string name)
    {
        var space = spaces.FirstOrDefault(space => space.Name == name) ?? throw new UnknownSpaceException($"there is no space \"{name}\"");
        return CanBeBackedUp(space)
            ? space
            : throw new BackupException(
                $"\"{name}\" cannot be backed up: only strong spaces of records can in this version");
    }

    private static bool CanBeBackedUp(SpaceInfo space) =>
        space.Options is { Kind: SpaceKind.Records, FaultModel: FaultModel.Strong };

    private List<BackupSegment> Relocate(BackupManifest basis) =>
        [.. basis.Segments.Select(segment => segment.File is null
            ? segment
            : segment with { Folder = Relative(Path.Combine(Options.Base!, segment.Folder ?? "")) })];

    private string Relative(string folder) => Path.GetRelativePath(Folder.FullPath, Path.GetFullPath(folder));

    private static string Utc(DateTimeOffset time) => time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
