using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Benchmarks;

/// <summary>
/// Reads what comes behind the end of all partitions that one node leads, in one request after the other, as clients do.
/// </summary>
/// <param name="load">The topic.</param>
/// <param name="node">The node.</param>
/// <param name="offsets">By partition, what is read next; -1 where that is not known. Followers share it: leaders move.</param>
/// <param name="fetchBytes">The most that an answer shall hold.</param>
internal sealed class StreamsFollower(StreamsLoad load, int node, long[] offsets, int fetchBytes) : StreamsCaller(load, node)
{
    private const short Version = 11;
    private const int WaitMs = 500;

    // A node that leads nothing yet.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>From append to arrival, of the first message of each batch that came, once measured.</summary>
    public LatencyHistogram EndToEnd { get; } = new();

    /// <summary>Whether <see cref="EndToEnd"/> is filled.</summary>
    public bool IsMeasuring { get; set; }

    /// <inheritdoc />
    protected override async ValueTask<KafkaError> TryAsync()
    {
        var led = Load.PartitionsOf(Number);
        if (led.Length == 0)
        {
            await Task.Delay(Pause).ConfigureAwait(false);
            return KafkaError.None;
        }

        LeadersAsked = Load.Leaders;
        long[] asked = [.. offsets];
        var request = new FetchRequest
        {
            WaitMs = WaitMs, BytesMin = 1, BytesMax = fetchBytes, SessionEpoch = -1, RackId = "",
            Topics =
            [
                new()
                {
                    Name = Load.Topic,
                    Partitions =
                    [
                        .. led.Select(partition => new FetchRequest.Partition
                        {
                            Index = partition, BytesMax = fetchBytes, FetchOffset = Math.Max(0, asked[partition]),
                        }),
                    ],
                },
            ],
        };
        var failed = KafkaError.None;
        using (var answer = await AskAsync(Load.LinkOfFollower(Number), KafkaApi.Fetch, Version, request).ConfigureAwait(false))
        {
            foreach (var partition in answer.Read<FetchResponse>(Version).Topics[0].Partitions)
            {
                if (partition.Error != KafkaError.None)
                {
                    failed = partition.Error;
                }
                else if (asked[partition.Index] < 0)
                {
                    offsets[partition.Index] = partition.HighWatermark;
                }
                else if (asked[partition.Index] == offsets[partition.Index])
                {
                    // Else its leader has moved, and another follower was faster.
                    var records = (partition.Records ?? default).Span;
                    offsets[partition.Index] = Count(records, asked[partition.Index], IsMeasuring ? EndToEnd : null);
                }
            }
        }

        return failed;
    }
}
