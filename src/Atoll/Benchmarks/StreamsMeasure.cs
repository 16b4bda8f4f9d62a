namespace Atoll.Benchmarks;

/// <summary>How a topic's callers are measured.</summary>
/// <param name="MessageBytes">Bytes of a message.</param>
/// <param name="BatchBytes">Bytes of messages that a producer puts together; at least one message.</param>
/// <param name="FetchBytes">The most that a consumer takes at once.</param>
/// <param name="WarmUp">How long callers run before they are measured.</param>
/// <param name="Duration">How long they are measured.</param>
internal sealed record StreamsShape(int MessageBytes, int BatchBytes, int FetchBytes, TimeSpan WarmUp, TimeSpan Duration)
{
    /// <summary>Messages of a batch.</summary>
    public int BatchMessages => Math.Max(1, BatchBytes / MessageBytes);
}

/// <summary>Measures producers, consumers, and both at once.</summary>
/// <param name="load">The topic.</param>
/// <param name="shape">How.</param>
/// <param name="servers">The nodes whose use is measured.</param>
/// <param name="cancellation">Stops it.</param>
internal sealed class StreamsMeasure(StreamsLoad load, StreamsShape shape, MeasuredServers servers, CancellationToken cancellation)
{
    /// <summary>Callers that append.</summary>
    public async Task<LoadResult> ProduceAsync(int clients)
    {
        var producers = Producers(clients);
        var result = await LoadMeter.RunAsync(
            "produce", Calls(producers), shape.WarmUp, shape.Duration, servers, null, cancellation).ConfigureAwait(false);
        return Carrying(result, producers);
    }

    /// <summary>Callers that read a partition each, from its first message to its last and again.</summary>
    public async Task<LoadResult> ConsumeAsync(int clients)
    {
        var consumers = Enumerable.Range(0, clients).Select(i => new StreamsConsumer(load, i, shape.FetchBytes)).ToArray();
        var result = await LoadMeter.RunAsync(
            "consume", Calls(consumers), shape.WarmUp, shape.Duration, servers, null, cancellation).ConfigureAwait(false);
        return Carrying(result, consumers);
    }

    /// <summary>
    /// Callers that append while a consumer of each node's partitions reads what comes: the producers' result, and the consumers' with the
    /// time from append to arrival.
    /// </summary>
    public async Task<(LoadResult Produced, LoadResult Consumed)> BothAsync(int clients)
    {
        var producers = Producers(clients);
        var offsets = Enumerable.Repeat(-1L, load.Partitions).ToArray();
        var consumers = load.Nodes.Select(node => new StreamsFollower(load, node, offsets, shape.FetchBytes)).ToArray();
        using var over = new CancellationTokenSource();
        var reading = Task.WhenAll(consumers.Select(consumer => Task.Run(() => FollowAsync(consumer, over.Token), CancellationToken.None)));
        var running = LoadMeter.RunAsync(
            "produce, followed", Calls(producers), shape.WarmUp, shape.Duration, servers, null, cancellation);
        await Task.Delay(shape.WarmUp, cancellation).ConfigureAwait(false);
        var (messages, bytes) = (consumers.Sum(consumer => consumer.Messages), consumers.Sum(consumer => consumer.Bytes));
        foreach (var consumer in consumers)
        {
            consumer.IsMeasuring = true;
        }

        var produced = await running.ConfigureAwait(false);
        foreach (var consumer in consumers)
        {
            consumer.IsMeasuring = false;
        }

        messages = consumers.Sum(consumer => consumer.Messages) - messages;
        bytes = consumers.Sum(consumer => consumer.Bytes) - bytes;
        await over.CancelAsync().ConfigureAwait(false);
        await reading.ConfigureAwait(false);
        var latencies = new LatencyHistogram();
        foreach (var consumer in consumers)
        {
            latencies.Add(consumer.EndToEnd);
        }

        var arrived = Math.Max(1, latencies.Count);
        return (Carrying(produced, producers), produced with
        {
            Load = "append to arrival", Clients = consumers.Length, Errors = 0, Latencies = latencies,
            MessagesPerCall = (double)messages / arrived, BytesPerCall = (double)bytes / arrived,
        });
    }

    /// <summary>Fills the topic with enough to read, unmeasured.</summary>
    /// <param name="bytes">How much.</param>
    public async Task FillAsync(long bytes)
    {
        const int clients = 32;
        var producers = Producers(clients);
        await Task.WhenAll(producers.Select(producer => Task.Run(
            async () =>
            {
                while (producer.Bytes < bytes / clients)
                {
                    cancellation.ThrowIfCancellationRequested();
                    await producer.CallAsync().ConfigureAwait(false);
                }
            },
            cancellation))).ConfigureAwait(false);
    }

    private StreamsProducer[] Producers(int clients) =>
    [
        .. Enumerable.Range(0, clients).Select(i => new StreamsProducer(load, i, clients, shape.MessageBytes, shape.BatchMessages)),
    ];

    private static async Task FollowAsync(StreamsFollower consumer, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await consumer.CallAsync().ConfigureAwait(false);
        }
    }

    private static List<Func<ValueTask<bool>>> Calls(IEnumerable<StreamsCaller> callers) =>
        [.. callers.Select(caller => (Func<ValueTask<bool>>)caller.CallAsync)];

    // Calls are alike, so what they carry on average is what those carried that were measured.
    private static LoadResult Carrying(LoadResult result, IReadOnlyCollection<StreamsCaller> callers)
    {
        var calls = Math.Max(1, callers.Sum(caller => caller.Calls));
        return result with
        {
            MessagesPerCall = (double)callers.Sum(caller => caller.Messages) / calls,
            BytesPerCall = (double)callers.Sum(caller => caller.Bytes) / calls,
        };
    }
}
