using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>What to restore, and how.</summary>
public sealed record RestoreOptions
{
    /// <summary>The folder of the backup.</summary>
    public required string From { get; init; }

    /// <summary>The spaces by their names in the backup, and their new names; empty: all, under their names.</summary>
    public IReadOnlyDictionary<string, string> Spaces { get; init; } = new Dictionary<string, string>();

    /// <summary>Copies of each shard; null: as in the backup, or as many as the cluster has nodes for.</summary>
    public int? Replicas { get; init; }

    /// <summary>Shards of each space; null: as in the backup.</summary>
    public int? Shards { get; init; }

    /// <summary>Whether spaces that exist may be written into; they must be empty.</summary>
    public bool IntoExisting { get; init; }

    /// <summary>Segments under way at once.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>How long to go on while the cluster is not available.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Where progress is kept; null: in the backup's folder.</summary>
    public string? Checkpoint { get; init; }
}

/// <summary>A space that was restored, and what reading it back has shown.</summary>
/// <param name="Name">Its name in the backup.</param>
/// <param name="Into">Its new name.</param>
/// <param name="Expected">The sums of the backup.</param>
/// <param name="Found">The sums over what the cluster has now.</param>
/// <param name="LeftOut">Records that had expired before they were put, or by the time they were read back.</param>
public sealed record RestoredSpace(string Name, string Into, RecordsDigest Expected, RecordsDigest Found, long LeftOut)
{
    /// <summary>Whether all records without a time to live are there, with their values, and of the others none too many.</summary>
    public bool IsEqual =>
        Found.Records - Found.Expiring == Expected.Records - Expected.Expiring && Found.Contents == Expected.Contents
        && Found.Expiring <= Expected.Expiring;
}

/// <summary>
/// Puts a backup's records into a cluster, of whatever size: data, and nothing else of the cluster that they came from. A run that is
/// broken off is gone on with by the same command.
/// </summary>
public sealed class RestoreRun
{
    // A batch is one entry of the log; well below what makes followers wait.
    private const int BatchOperations = 500;
    private const int BatchBytes = 256 * 1024;
    private static readonly TimeSpan NoteEvery = TimeSpan.FromSeconds(1);

    private readonly IAtollClient _atoll;
    private readonly RestoreOptions _options;
    private readonly Action<string> _remark;
    private readonly Patience _patience;
    private readonly Lock _lock = new();
    private readonly SortedSet<int> _in = [];
    private HybridTime _clusterTime;
    private long _clusterTimeSeenAt;
    private long _records;
    private long _leftOut;

    /// <summary>A restore that has not begun.</summary>
    /// <param name="atoll">The cluster.</param>
    /// <param name="options">What and how.</param>
    /// <param name="remark">Told what people should know on the way.</param>
    /// <exception cref="BackupException">There is no such backup, or not of these spaces.</exception>
    public RestoreRun(IAtollClient atoll, RestoreOptions options, Action<string> remark)
    {
        _atoll = atoll;
        _options = options;
        _remark = remark;
        _patience = new Patience(options.Patience);
        var folder = Path.GetFullPath(options.From);
        var manifest = BackupManifest.Load(folder, BackupManifest.FileName) ?? throw new BackupException(
            File.Exists(Path.Combine(folder, BackupManifest.PartialFileName))
                ? $"the backup in {folder} was never completed: take it again, it goes on where it was"
                : $"there is no backup in {folder}: {BackupManifest.FileName} is missing");
        Check = new BackupCheck(folder, manifest);
        foreach (var name in options.Spaces.Keys.Where(name => !manifest.Spaces.Any(space => space.Name == name)))
        {
            throw new BackupException(
                $"the backup has no space \"{name}\"; it has {string.Join(", ", manifest.Spaces.Select(space => $"\"{space.Name}\""))}");
        }

        Spaces = [.. manifest.Spaces
            .Where(space => options.Spaces.Count == 0 || options.Spaces.ContainsKey(space.Name))
            .Select(space => (space, options.Spaces.GetValueOrDefault(space.Name, space.Name)))];
        Segments = [.. manifest.Segments.Index().Where(item => Spaces.Any(space => space.Space.Name == item.Item.Space))];
    }

    /// <summary>The backup's spaces that are restored, and their new names.</summary>
    public IReadOnlyList<(BackupSpace Space, string Into)> Spaces { get; }

    /// <summary>The segments to put, with their positions in the manifest.</summary>
    public IReadOnlyList<(int Index, BackupSegment Segment)> Segments { get; }

    /// <summary>Reads the backup's files.</summary>
    public BackupCheck Check { get; }

    /// <summary>Records put so far, those of an earlier run included.</summary>
    public long Records => Interlocked.Read(ref _records);

    /// <summary>Records to put.</summary>
    public long RecordsExpected => Spaces.Sum(space => space.Space.Records);

    /// <summary>Compares all files with their checksums; nothing is written anywhere.</summary>
    /// <exception cref="BackupException">Some are missing or damaged; the message names them.</exception>
    public Task VerifyAsync(CancellationToken cancellation) =>
        Check.RunAsync(Segments.Select(item => item.Segment), Math.Max(_options.Parallel, Environment.ProcessorCount), cancellation);

    /// <summary>Creates the spaces, puts the records, and reads them back. To be called after <see cref="VerifyAsync"/>.</summary>
    /// <exception cref="BackupException">The cluster is not one that it may be restored into.</exception>
    /// <exception cref="AtollException">The cluster failed.</exception>
    public async Task<IReadOnlyList<RestoredSpace>> RunAsync(CancellationToken cancellation)
    {
        var directory = await _patience.TryAsync(() => _atoll.Cluster.DirectoryAsync(cancellation), cancellation).ConfigureAwait(false);
        var cluster = BackupManifest.Hex(directory.ClusterId);
        var checkpointPath = _options.Checkpoint ?? Path.Combine(Path.GetFullPath(_options.From), $"restore.{cluster}.checkpoint");
        var found = RestoreCheckpoint.Load(checkpointPath);
        var existing = await _patience.TryAsync(() => _atoll.Spaces.ListAsync(cancellation), cancellation).ConfigureAwait(false);
        var goesOn = found is not null && found.Fits(Plan(cluster, existing) with { Segments = found.Segments });
        if (!goesOn)
        {
            await RefuseAsync(existing, cancellation).ConfigureAwait(false);
        }

        var targets = new Dictionary<string, Target>(StringComparer.Ordinal);
        foreach (var (space, into) in Spaces)
        {
            targets[space.Name] = await CreateAsync(space, into, existing, directory, cancellation).ConfigureAwait(false);
        }

        existing = await _patience.TryAsync(() => _atoll.Spaces.ListAsync(cancellation), cancellation).ConfigureAwait(false);
        var plan = Plan(cluster, existing);
        if (goesOn)
        {
            _in.UnionWith(found!.Segments);
            _leftOut = found.LeftOut;
            _records = Segments.Where(item => _in.Contains(item.Index)).Sum(item => item.Segment.Records);
            _remark($"going on behind {_records} records");
        }

        if (targets.Count > 0)
        {
            await LoadAsync(plan, checkpointPath, targets, cancellation).ConfigureAwait(false);
        }

        var restored = new List<RestoredSpace>();
        foreach (var (space, into) in Spaces)
        {
            restored.Add(await ReadBackAsync(space, into, targets[space.Name], cancellation).ConfigureAwait(false));
        }

        File.Delete(checkpointPath);
        return restored;
    }

    private RestoreCheckpoint Plan(string cluster, IReadOnlyList<SpaceInfo> existing) => new(
        Check.Manifest.Sha256,
        cluster,
        [.. Spaces.Select(space => $"{space.Space.Name}\n{space.Into}\n{existing.FirstOrDefault(e => e.Name == space.Into)?.Id.Value}")],
        [],
        0);

    private async Task RefuseAsync(IReadOnlyList<SpaceInfo> existing, CancellationToken cancellation)
    {
        if (Spaces.GroupBy(space => space.Into, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } doubled)
        {
            throw new BackupException($"two spaces would be restored into \"{doubled.Key}\"");
        }

        foreach (var (_, into) in Spaces.Where(space => existing.Any(e => e.Name == space.Into)))
        {
            if (!_options.IntoExisting)
            {
                throw new BackupException(
                    $"there is a space \"{into}\" already: give it another name (--space NAME:NEWNAME), or --into-existing if it is empty");
            }

            var isEmpty = true;
            var records = _atoll.Records(into);
            foreach (var shard in await records.Shards.ListAsync(cancellation).ConfigureAwait(false))
            {
                isEmpty &= await _patience.TryAsync(
                    () => records.Shards.ScanAsync(shard, new ScanQuery { RowsMax = 1 }, cancellation), cancellation)
                    .ConfigureAwait(false) is { Rows.Count: 0, More: false };
            }

            if (!isEmpty)
            {
                throw new BackupException($"the space \"{into}\" is not empty: nothing is restored over records");
            }
        }
    }

    private async Task<Target> CreateAsync(
        BackupSpace space, string into, IReadOnlyList<SpaceInfo> existing, DirectoryView directory, CancellationToken cancellation)
    {
        if (!existing.Any(e => e.Name == into))
        {
            var replicas = _options.Replicas ?? space.Replicas;
            var possible = directory.Nodes.Length >= 7 ? 7 : ((directory.Nodes.Length + 1) / 2 * 2) - 1;
            if (_options.Replicas is null && replicas > possible)
            {
                _remark(
                    $"space \"{into}\": {possible} replicas instead of {replicas}, as the cluster has {directory.Nodes.Length} node(s)");
                replicas = possible;
            }

            if (!Enum.TryParse<FaultModel>(space.Replication, ignoreCase: true, out var model)
                || !Enum.TryParse<Partitioning>(space.Partitioning, ignoreCase: true, out var partitioning))
            {
                throw new BackupException(
                    $"space \"{space.Name}\" is {space.Replication}, by {space.Partitioning}: this program knows no such space");
            }

            var options = new SpaceOptions(into, model, replicas, partitioning, _options.Shards ?? space.Shards);
            await _patience.TryAsync(() => _atoll.Spaces.CreateAsync(options, cancellation), cancellation).ConfigureAwait(false);
        }

        var description = await _patience.TryAsync(() => _atoll.Spaces.DescribeAsync(into, cancellation), cancellation)
            .ConfigureAwait(false);
        var records = _atoll.Records(into);
        return new Target(records, [.. description.Shards.Select(shard => new ShardSource(description.Space, records, shard))]);
    }

    private async Task LoadAsync(
        RestoreCheckpoint plan, string checkpointPath, Dictionary<string, Target> targets, CancellationToken cancellation)
    {
        // What remains of a time to live is measured by the cluster's own time.
        ShardSource[] first = [.. targets.Values.Select(target => target.Shards[0])];
        _clusterTime = (await BackupMoment.AdvanceAsync(first, _patience, cancellation).ConfigureAwait(false)).Max();
        _clusterTimeSeenAt = TimeProvider.System.GetTimestamp();
        (plan with { Segments = [.. _in], LeftOut = _leftOut }).Save(checkpointPath);
        var running = Parallel.ForEachAsync(
            Segments.Where(item => !_in.Contains(item.Index)).ToArray(),
            new ParallelOptions { MaxDegreeOfParallelism = _options.Parallel, CancellationToken = cancellation },
            async (item, token) =>
            {
                var leftOut = await PutAsync(item.Segment, targets[item.Segment.Space], token).ConfigureAwait(false);
                lock (_lock)
                {
                    _in.Add(item.Index);
                    _leftOut += leftOut;
                }
            });
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(NoteEvery, CancellationToken.None)).ConfigureAwait(false);
            lock (_lock)
            {
                plan = plan with { Segments = [.. _in], LeftOut = _leftOut };
            }

            plan.Save(checkpointPath);
        }

        await running.ConfigureAwait(false);
    }

    private async Task<long> PutAsync(BackupSegment segment, Target target, CancellationToken cancellation)
    {
        var rows = Check.Read(segment);
        var byShard = new SortedDictionary<ShardId, List<ScanRow>>();
        var leftOut = 0L;
        foreach (var row in rows)
        {
            if (row.ExpiresAt != HybridTime.Zero && LeftMilliseconds(row) <= 0)
            {
                leftOut++;
                continue;
            }

            var hash = StableHash.Compute(row.Key.Span);
            var shard = target.Shards.First(candidate => candidate.Shard.Holds(hash)).Shard.Id;
            if (!byShard.TryGetValue(shard, out var list))
            {
                byShard[shard] = list = [];
            }

            list.Add(row);
        }

        Interlocked.Add(ref _records, leftOut);
        await Task.WhenAll(byShard.Values.Select(list => PutAsync(target.Records, list, cancellation))).ConfigureAwait(false);
        return leftOut;
    }

    private async Task PutAsync(IRecords records, List<ScanRow> rows, CancellationToken cancellation)
    {
        var position = 0;
        while (position < rows.Count)
        {
            var operations = new List<RecordOperation>();
            var bytes = 0;
            for (; position < rows.Count && operations.Count < BatchOperations && (bytes == 0 || bytes < BatchBytes); position++)
            {
                var row = rows[position];

                // One that expires just now is put all the same, for a millisecond.
                operations.Add(RecordOperation.Put(
                    row.Key, row.Value, null, row.ExpiresAt == HybridTime.Zero ? 0 : Math.Max(1, LeftMilliseconds(row))));
                bytes += row.Key.Length + row.Value.Length;
            }

            await _patience.TryAsync(() => records.BatchAsync(operations, default, cancellation), cancellation).ConfigureAwait(false);
            Interlocked.Add(ref _records, operations.Count);
        }
    }

    private long LeftMilliseconds(in ScanRow row) => Math.Min(
        row.ExpiresAt.UnixMilliseconds - _clusterTime.UnixMilliseconds
            - (long)TimeProvider.System.GetElapsedTime(_clusterTimeSeenAt).TotalMilliseconds,
        Limits.TimeToLiveMillisecondsMax);

    private async Task<RestoredSpace> ReadBackAsync(BackupSpace space, string into, Target target, CancellationToken cancellation)
    {
        var sums = new RecordsDigest[target.Shards.Count];
        await Parallel.ForAsync(
            0,
            sums.Length,
            new ParallelOptions { MaxDegreeOfParallelism = _options.Parallel, CancellationToken = cancellation },
            async (i, token) =>
            {
                var shards = target.Records.Shards;
                var at = await _patience.TryAsync(() => shards.AdvanceAsync(target.Shards[i].Shard, token), token).ConfigureAwait(false);
                sums[i] = await _patience.TryAsync(
                    () => shards.DigestAsync(target.Shards[i].Shard, new DigestQuery { At = at, HasContents = true }, token), token)
                    .ConfigureAwait(false);
            }).ConfigureAwait(false);
        var found = sums.Aggregate(default(RecordsDigest), (sum, part) => sum.With(part));
        var expected = new RecordsDigest(space.Records, space.Bytes, space.Expiring, 0, BackupSegment.Number(space.Contents));
        return new RestoredSpace(space.Name, into, expected, found, expected.Expiring - found.Expiring);
    }

    private sealed record Target(IRecords Records, IReadOnlyList<ShardSource> Shards);
}
