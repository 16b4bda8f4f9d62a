using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Subscriptions;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Webhooks;

/// <summary>
/// Delivers the partitions that this node was given of a subscription: one delivery of a partition after the other, and the next one only
/// when the group has committed the one before, whether it was taken or has become a dead letter.
/// </summary>
internal sealed partial class WebhookDelivery(
    IAtollClient client, Subscription subscription, WebhookSender sender, TimeProvider time, ILogger logger) : IGroupReading, IDisposable
{
    /// <summary>Deliveries of one subscription that one node has under way.</summary>
    public const int AtOnceMax = 16;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AppendTimeout = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _underWay = new(AtOnceMax, AtOnceMax);

    /// <inheritdoc />
    public ValueTask AssignedAsync(
        GroupGeneration generation, IReadOnlyCollection<GroupPartition> places, CancellationToken cancellationToken)
    {
        LogAssigned(logger, subscription.Name, generation.Partitions.Count, generation.Number);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public async Task ReadAsync(
        GroupGeneration generation, GroupPartition partition, TopicReader reader, CancellationToken cancellationToken)
    {
        await foreach (var batch in reader.ReadBatchesAsync(partition.Next, long.MaxValue, cancellationToken).ConfigureAwait(false))
        {
            for (var from = 0; from < batch.Count;)
            {
                var records = batch.Skip(from).Take(WebhookBody.CountOf(batch, from, subscription)).ToArray();
                await DeliverAsync(records, cancellationToken).ConfigureAwait(false);
                if (!await CommitAsync(generation, records[^1], cancellationToken).ConfigureAwait(false))
                {
                    return; // somebody else delivers them now
                }

                partition.Next = records[^1].Offset + 1;
                from += records.Length;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => _underWay.Dispose();

    // Until the receiver has them, or they are dead letters.
    private async Task DeliverAsync(TopicRecord[] records, CancellationToken cancellation)
    {
        var body = WebhookBody.Write(subscription, records);
        var delivery = string.Create(
            CultureInfo.InvariantCulture, $"{subscription.Id:n}:{records[0].Partition}:{records[0].Offset}-{records[^1].Offset}");
        for (var attempt = 1; ; attempt++)
        {
            var answer = await PostAsync(delivery, attempt, body, cancellation).ConfigureAwait(false);
            if (answer.IsDelivered)
            {
                return;
            }

            LogRefused(logger, subscription.Name, delivery, attempt, answer.Reason);
            if (answer.IsFinal && records.Length > 1)
            {
                // One of them is to blame: the others are to arrive.
                foreach (var record in records)
                {
                    await DeliverAsync([record], cancellation).ConfigureAwait(false);
                }

                return;
            }

            if (subscription.DeadLetters is { } dead && (answer.IsFinal || attempt >= subscription.AttemptsMax))
            {
                await BuryAsync(dead, records, attempt, answer.Reason, cancellation).ConfigureAwait(false);
                return;
            }

            await Task.Delay(WaitAfter(attempt, answer), time, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<WebhookAnswer> PostAsync(
        string delivery, int attempt, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        await _underWay.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await sender.PostAsync(subscription, delivery, attempt, body, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _underWay.Release();
        }
    }

    // As long as the receiver asks for, but not longer than the subscription's longest wait.
    private TimeSpan WaitAfter(int attempt, WebhookAnswer answer)
    {
        var longest = TimeSpan.FromMilliseconds(subscription.LongestDelayMs);
        var wait = Backoff.After(
            TimeSpan.FromMilliseconds(subscription.FirstDelayMs), longest, attempt, Random.Shared.NextDouble());
        return answer.RetryAfter is not { } asked || asked < wait ? wait : asked < longest ? asked : longest;
    }

    // The record as it was, with headers that say where it was and why it is here. Who dies behind this and before the commit does it
    // again: what is sent again with the same identity is there once.
    private async Task BuryAsync(string dead, TopicRecord[] records, int attempts, string reason, CancellationToken cancellation)
    {
        LogGivenUp(logger, subscription.Name, records.Length, records[0].Partition, records[0].Offset, attempts, reason);
        var letters = records.Select(record => new RecordToAppend(
            null, record.Timestamp, record.Key, record.Value,
            [
                .. record.Headers, Header("atoll-subscription", subscription.Name), Header("atoll-topic", subscription.Topic),
                Header("atoll-partition", Text(record.Partition)), Header("atoll-offset", Text(record.Offset)),
                Header("atoll-attempts", Text(attempts)), Header("atoll-reason", reason),
            ])).ToArray();
        var identity = new WireWriter();
        identity.WriteString(subscription.Group);
        identity.WriteVarint((ulong)records[0].Partition);
        identity.WriteVarint((ulong)records[0].Offset);
        identity.WriteVarint((ulong)records.Length);
        await PatientlyAsync(async () =>
        {
            var topic = await client.Streams.KnownTopicAsync(dead, cancellation).ConfigureAwait(false);
            await TopicAppend.AppendAsync(
                client.Streams, topic, letters, StableHash.Compute(identity.Written), AppendTimeout, time, cancellation)
                .ConfigureAwait(false);
            return true;
        }, cancellation).ConfigureAwait(false);
    }

    // False when this node's generation is over.
    private async ValueTask<bool> CommitAsync(GroupGeneration generation, TopicRecord last, CancellationToken cancellation)
    {
        var offset = new OffsetToCommit(
            new TopicPartition(subscription.Topic, last.Partition), new CommittedOffset(last.Offset + 1, -1, ""));
        var status = await PatientlyAsync(
            () => client.Groups.CommitAsync(
                new CommitOffsets(generation.Group, generation.Member, generation.Number, [offset]), cancellation).AsTask(),
            cancellation).ConfigureAwait(false);
        if (GroupStatuses.IsOver(status))
        {
            return false;
        }

        GroupStatuses.ThrowUnlessOk(generation.Group, status);
        return true;
    }

    // What is done must be written down before anything else is: there is nothing better to do than to try again.
    private async ValueTask<T> PatientlyAsync<T>(Func<Task<T>> act, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await act().ConfigureAwait(false);
            }
            catch (AtollException error)
            {
                LogWaits(logger, subscription.Name, error.Message);
            }

            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }

    private static RecordHeaderField Header(string name, string value) => new(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [LoggerMessage(
        EventId = 4401, Level = LogLevel.Information,
        Message = "subscription {Subscription}: this node delivers {Partitions} partitions (generation {Generation})")]
    private static partial void LogAssigned(ILogger logger, string subscription, int partitions, int generation);

    [LoggerMessage(
        EventId = 4402, Level = LogLevel.Debug,
        Message = "subscription {Subscription}: delivery {Delivery} failed in attempt {Attempt}: {Reason}")]
    private static partial void LogRefused(ILogger logger, string subscription, string delivery, int attempt, string reason);

    [LoggerMessage(
        EventId = 4403, Level = LogLevel.Warning,
        Message = "subscription {Subscription}: {Records} records of partition {Partition} from offset {Offset} on are dead letters after "
            + "{Attempts} attempts: {Reason}")]
    private static partial void LogGivenUp(
        ILogger logger, string subscription, int records, int partition, long offset, int attempts, string reason);

    [LoggerMessage(
        EventId = 4404, Level = LogLevel.Warning, Message = "subscription {Subscription} waits: {Reason}")]
    private static partial void LogWaits(ILogger logger, string subscription, string reason);
}
