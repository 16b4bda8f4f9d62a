using Atoll.Foundation.Time;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;

namespace Atoll.Backups;

/// <summary>A shard of a space that takes part.</summary>
/// <param name="Space">The space.</param>
/// <param name="Records">Its records.</param>
/// <param name="Shard">The shard.</param>
public sealed record ShardSource(SpaceInfo Space, IRecords Records, ShardInfo Shard);

/// <summary>
/// One time for all shards. Each shard's time is moved on by an entry of its log; the latest of these is the moment. So everything that was
/// acknowledged before this began is in it; and once every shard's time has reached it, nothing can be written at or before it any more,
/// whoever leads. No clock of this machine plays a part.
/// </summary>
public static class BackupMoment
{
    private const int AskedAtOnce = 32;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Chooses the moment and waits until all shards have reached it.</summary>
    /// <param name="shards">The shards; at least one.</param>
    /// <param name="patience">For calls.</param>
    /// <param name="wait">How far the nodes' clocks may be apart.</param>
    /// <param name="remark">Told when clocks are apart.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="BackupException">The clocks are further apart.</exception>
    public static async Task<HybridTime> ChooseAsync(
        IReadOnlyList<ShardSource> shards, Patience patience, TimeSpan wait, Action<string> remark, CancellationToken cancellation)
    {
        var times = await AdvanceAsync(shards, patience, cancellation).ConfigureAwait(false);
        var moment = times.Max();
        var behind = shards.Where((_, i) => times[i] < moment).ToArray();
        var startedAt = TimeProvider.System.GetTimestamp();
        var hasRemarked = false;
        while (behind.Length > 0)
        {
            times = await AdvanceAsync(behind, patience, cancellation).ConfigureAwait(false);
            var apart = TimeSpan.FromMilliseconds(moment.UnixMilliseconds - times.Min().UnixMilliseconds);
            behind = behind.Where((_, i) => times[i] < moment).ToArray();
            if (behind.Length == 0)
            {
                break;
            }

            if (apart > wait - TimeProvider.System.GetElapsedTime(startedAt))
            {
                throw new BackupException(
                    $"the nodes' clocks are too far apart: shard {behind[0].Shard.Id} is {apart.TotalSeconds:0.0} s behind the latest; "
                    + "set the clocks, or give more --patience");
            }

            if (!hasRemarked && apart > TimeSpan.FromMilliseconds(500))
            {
                hasRemarked = true;
                remark($"the nodes' clocks are {apart.TotalSeconds:0.0} s apart: waiting for the slowest");
            }

            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }

        return moment;
    }

    /// <summary>Moves the time of each shard on.</summary>
    public static async Task<HybridTime[]> AdvanceAsync(
        IReadOnlyList<ShardSource> shards, Patience patience, CancellationToken cancellation)
    {
        var times = new HybridTime[shards.Count];
        await Parallel.ForAsync(
            0,
            shards.Count,
            new ParallelOptions { MaxDegreeOfParallelism = AskedAtOnce, CancellationToken = cancellation },
            async (i, token) => times[i] = await patience
                .TryAsync(() => shards[i].Records.Shards.AdvanceAsync(shards[i].Shard, token), token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return times;
    }
}
