using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>
/// A watch: for each shard a question for changes that the shard holds until there are some, and one stream that their answers flow into.
/// </summary>
internal sealed class RecordWatch : IRecordWatch
{
    private const byte TokenVersion = 1;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PatienceDefault = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly RecordsService _records;
    private readonly WatchOptions _options;
    private readonly TimeProvider _time;

    // Behind this, for each shard, everything has been given out.
    private readonly SortedDictionary<ShardId, HybridTime> _position = [];
    // Of an eventual space: where the watch stands in the history of the replica that it follows.
    private readonly ConcurrentDictionary<ShardId, ReadOnlyMemory<byte>> _cursors = [];
    private bool _isEventual;
    private int _started;

    public RecordWatch(RecordsService records, WatchOptions options, TimeProvider time)
    {
        _records = records;
        _options = options;
        _time = time;
        if (options.Token is not null
            && !ShardVersions.TryDecode(options.Token, TokenVersion, Limits.ShardsPerSpaceMax, out _position))
        {
            throw new InvalidRequestException("the watch token is not one, or comes from another version");
        }
    }

    /// <inheritdoc />
    public string Token
    {
        get
        {
            var writer = new WireWriter();
            writer.WriteByte(TokenVersion);
            lock (_lock)
            {
                ShardVersions.Write(writer, _position);
            }

            return Base64Url.EncodeToString(writer.Written);
        }
    }

    /// <inheritdoc />
    public IAsyncEnumerator<WatchEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidOperationException("a watch is enumerated once; start another one with its token");
        }

        return ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
    }

    private async IAsyncEnumerable<WatchEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var shards = await _records.ShardsAsync(cancellation).ConfigureAwait(false);
        var space = await _records.SpaceAsync(cancellation).ConfigureAwait(false);
        if (space.Options.Kind == SpaceKind.Rows)
        {
            throw new InvalidRequestException(
                $"space \"{space.Name}\" holds the rows of a table: a feed makes its changes into records of a topic (atoll feed create)");
        }

        _isEventual = space.Options.FaultModel == FaultModel.Eventual;
        await StartPositionsAsync(shards, cancellation).ConfigureAwait(false);

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pages = Channel.CreateBounded<ShardPage>(new BoundedChannelOptions(shards.Length + 1) { SingleReader = true });
        var followers = Array.ConvertAll(shards, shard => FollowAsync(shard, pages.Writer, stopping.Token));
        var progress = _options.ProgressInterval ?? Timeout.InfiniteTimeSpan;
        var available = pages.Reader.WaitToReadAsync(cancellation).AsTask();
        try
        {
            // The first sign of progress says that the watch stands: whatever is written from now on will be seen.
            if (_options.ProgressInterval is not null)
            {
                yield return new WatchEvent(WatchEventKind.Progress, default, default, default);
            }

            while (true)
            {
                if (await QuietAsync(available, progress, cancellation).ConfigureAwait(false))
                {
                    yield return new WatchEvent(WatchEventKind.Progress, default, default, default);
                    continue;
                }

                await available.ConfigureAwait(false);
                while (pages.Reader.TryRead(out var page))
                {
                    for (var i = 0; i < page.Changes.Count; i++)
                    {
                        var change = page.Changes[i];
                        var isLast = i + 1 == page.Changes.Count || page.Changes[i + 1].Version != change.Version;
                        if (isLast && !_isEventual)
                        {
                            Move(page.Shard, change.Version);
                        }

                        yield return new WatchEvent((WatchEventKind)change.Kind, change.Key, change.Value, change.Version);
                    }

                    Move(page.Shard, page.Through);
                }

                available = pages.Reader.WaitToReadAsync(cancellation).AsTask();
            }
        }
        finally
        {
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(followers).ConfigureAwait(false);
        }
    }

    /// <summary>Whether nothing came for that long.</summary>
    private async ValueTask<bool> QuietAsync(Task<bool> available, TimeSpan interval, CancellationToken cancellation)
    {
        if (available.IsCompleted || interval == Timeout.InfiniteTimeSpan)
        {
            return false;
        }

        using var waking = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = await Task.WhenAny(available, Task.Delay(interval, _time, waking.Token)).ConfigureAwait(false);
        await waking.CancelAsync().ConfigureAwait(false);
        return first != available && !cancellation.IsCancellationRequested;
    }

    private async Task StartPositionsAsync(ShardInfo[] shards, CancellationToken cancellation)
    {
        if (_options.Token is not null)
        {
            foreach (var shard in shards)
            {
                if (!_position.ContainsKey(shard.Id))
                {
                    throw new WatchCompactedException(
                        $"the watch token does not know shard {shard.Id}: the space was created anew, or cut differently, since");
                }
            }

            return;
        }

        if (_isEventual)
        {
            var begins = await Task.WhenAll(shards.Select(shard => _records.ChangesAsync(
                shard, new ChangesQuery(_options.Prefix, HybridTime.Max), TimeSpan.Zero, default, cancellation).AsTask()))
                .ConfigureAwait(false);
            for (var i = 0; i < shards.Length; i++)
            {
                _cursors[shards[i].Id] = begins[i].Cursor.ToArray();
                lock (_lock)
                {
                    _position[shards[i].Id] = begins[i].Through;
                }
            }

            return;
        }

        var stats = await Task.WhenAll(shards.Select(shard =>
            _records.StatsAsync(shard, default, cancellation).AsTask())).ConfigureAwait(false);
        lock (_lock)
        {
            for (var i = 0; i < shards.Length; i++)
            {
                _position[shards[i].Id] = stats[i].AsOf; // zero when nothing was ever written there
            }
        }
    }

    private async Task FollowAsync(ShardInfo shard, ChannelWriter<ShardPage> pages, CancellationToken cancellation)
    {
        HybridTime after;
        lock (_lock)
        {
            after = _position[shard.Id];
        }

        var cursor = _cursors.GetValueOrDefault(shard.Id);
        var told = _isEventual ? new ToldChanges() : null;

        var patience = _options.PatienceWhenUnavailable ?? PatienceDefault;
        var reachedAt = _time.GetTimestamp();
        try
        {
            while (true)
            {
                ChangesPage page;
                try
                {
                    page = await _records.ChangesAsync(
                        shard, new ChangesQuery(_options.Prefix, after, Cursor: cursor), Linger,
                        new ReadOptions { Timeout = Linger * 2 }, cancellation).ConfigureAwait(false);
                }
                catch (AtollException error) when (error.IsRetryable && _time.GetElapsedTime(reachedAt) < patience)
                {
                    await Task.Delay(RetryPause, _time, cancellation).ConfigureAwait(false);
                    continue;
                }

                reachedAt = _time.GetTimestamp();
                if (page.Status == RecordsStatus.Compacted)
                {
                    throw new WatchCompactedException(
                        $"the changes of shard {shard.Id} between {after} and {page.Through} are no longer kept: read the records anew, "
                        + "then watch");
                }

                var changes = told is null ? page.Changes : told.NewAmong(page.Changes, after);
                after = page.Through > after ? page.Through : after;
                cursor = page.Cursor.ToArray();
                await pages.WriteAsync(new ShardPage(shard.Id, changes, after), cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The reader has gone; it knows.
        }
        catch (Exception error)
        {
            pages.TryComplete(error); // the reader throws it
        }
    }

    private void Move(ShardId shard, HybridTime version)
    {
        lock (_lock)
        {
            if (version > _position.GetValueOrDefault(shard))
            {
                _position[shard] = version;
            }
        }
    }

    private readonly record struct ShardPage(ShardId Shard, IReadOnlyList<RecordChange> Changes, HybridTime Through);
}
