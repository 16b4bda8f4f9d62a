using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>A page of what is in a shard.</summary>
/// <param name="AsOf">The state's time when it was read.</param>
/// <param name="Records">What is there, in the order of the shard.</param>
/// <param name="ResumeAfter">Where the next page begins; null when there is none.</param>
internal sealed record FeedPage(HybridTime AsOf, IReadOnlyList<FeedRecord> Records, ReadOnlyMemory<byte>? ResumeAfter);

/// <summary>
/// One shard as a feed reads it. Reads are linearizable: its leader answers. Every call may throw an <see cref="AtollException"/>.
/// </summary>
internal interface IFeedShard
{
    /// <summary>A page of what is there.</summary>
    /// <param name="resumeAfter">Where the page before ended; empty for the first.</param>
    /// <param name="cancellation">Ends the wait.</param>
    ValueTask<FeedPage> ScanAsync(ReadOnlyMemory<byte> resumeAfter, CancellationToken cancellation);

    /// <summary>Whether what has a key lies before the place where a page ended.</summary>
    /// <param name="key">The key of a change.</param>
    /// <param name="resumeAfter">Where the page ended.</param>
    bool IsBehind(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> resumeAfter);

    /// <summary>What changed after a version; its status may be that this is not kept any more.</summary>
    /// <param name="after">The version.</param>
    /// <param name="linger">How long to wait for something when nothing has.</param>
    /// <param name="cancellation">Ends the wait.</param>
    ValueTask<ChangesPage> ChangesAsync(HybridTime after, TimeSpan linger, CancellationToken cancellation);

    /// <summary>Changes as they are told.</summary>
    ValueTask<IReadOnlyList<FeedRecord>> TellAsync(IEnumerable<RecordChange> changes, CancellationToken cancellation);
}
