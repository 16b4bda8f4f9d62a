using System.Buffers.Binary;
using System.Diagnostics;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Output;
using Atoll.StateMachines.Streams;

namespace Atoll.Benchmarks;

/// <summary>What one caller of <see cref="StreamsLoad"/> counts.</summary>
internal abstract class StreamsCaller(StreamsLoad load, int number)
{
    // As long as producers go on sending a batch by default.
    private static readonly TimeSpan RetriesMax = TimeSpan.FromSeconds(120);

    private readonly Dictionary<KafkaLink, KafkaCall> _calls = [];
    private static int errorsTold;

    /// <summary>Calls that succeeded.</summary>
    public long Calls { get; protected set; }

    /// <summary>Messages that they carried.</summary>
    public long Messages { get; protected set; }

    /// <summary>Bytes of record batches that they carried.</summary>
    public long Bytes { get; protected set; }

    /// <summary>The topic.</summary>
    protected StreamsLoad Load => load;

    /// <summary>The leaders that were known when the last request was sent.</summary>
    protected int[] LeadersAsked { get; set; } = [];

    /// <summary>Which caller this is, from 0.</summary>
    protected int Number => number;

    /// <summary>
    /// Makes a call; whether it succeeded. As every client does, it is made again when a leader has moved, and its time goes on meanwhile.
    /// </summary>
    public async ValueTask<bool> CallAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        Begin(begun);
        while (true)
        {
            var error = await TryAsync().ConfigureAwait(false);
            if (error == KafkaError.None)
            {
                Calls++;
                return true;
            }

            if (error is not (KafkaError.NotLeaderOrFollower or KafkaError.LeaderNotAvailable or KafkaError.UnknownTopicOrPartition)
                || Stopwatch.GetElapsedTime(begun) > RetriesMax)
            {
                Tell(error);
                return false;
            }

            await load.RefreshAsync(LeadersAsked).ConfigureAwait(false);
        }
    }

    /// <summary>What is done once, however often the call is made.</summary>
    /// <param name="now">When it begins.</param>
    protected virtual void Begin(long now)
    {
    }

    /// <summary>Makes a call once; how it ended.</summary>
    protected abstract ValueTask<KafkaError> TryAsync();

    /// <summary>Asks a partition's leader.</summary>
    /// <exception cref="CommandException">The node has gone.</exception>
    protected ValueTask<KafkaAnswer> AskAsync(int partition, KafkaApi api, short version, IKafkaMessage request)
    {
        LeadersAsked = load.Leaders;
        return AskAsync(load.LinkOf(partition, number), api, version, request);
    }

    /// <summary>Asks over a connection.</summary>
    /// <exception cref="CommandException">The node has gone.</exception>
    protected async ValueTask<KafkaAnswer> AskAsync(KafkaLink link, KafkaApi api, short version, IKafkaMessage request)
    {
        if (!_calls.TryGetValue(link, out var call))
        {
            call = link.NewCall();
            _calls.Add(link, call);
        }

        try
        {
            return await call.SendAsync(api, version, request).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw new CommandException($"a node has gone: {error.InnerException?.Message}");
        }
    }

    /// <summary>Counts the batches of an answer.</summary>
    /// <param name="records">The batches; the last may be a part of one.</param>
    /// <param name="offset">What was asked for: what is before it is not counted.</param>
    /// <param name="latencies">Filled with the time from append to arrival, of the first message of each batch; null: not measured.</param>
    /// <returns>The offset behind them.</returns>
    /// <exception cref="CommandException">A batch came that was not asked for.</exception>
    protected long Count(ReadOnlySpan<byte> records, long offset, LatencyHistogram? latencies)
    {
        Bytes += records.Length;
        var now = Stopwatch.GetTimestamp();
        while (records.Length >= RecordBatchHeader.Bytes)
        {
            var header = RecordBatchHeader.Read(records);
            if (header.SizeBytes < RecordBatchHeader.Bytes || header.SizeBytes > records.Length)
            {
                break; // the rest of a batch that did not fit
            }

            if (header.BaseOffset + header.LastOffsetDelta < offset)
            {
                throw new CommandException($"offset {header.BaseOffset} came behind {offset}");
            }

            if (latencies is not null && MessageStamp.TryRead(records[..header.SizeBytes], out var sentAt))
            {
                latencies.Record((long)Stopwatch.GetElapsedTime(sentAt, now).TotalMicroseconds);
            }

            Messages += header.RecordCount;
            offset = header.BaseOffset + header.LastOffsetDelta + 1;
            records = records[header.SizeBytes..];
        }

        return offset;
    }

    // The first few say what is wrong.
    private static void Tell(KafkaError error)
    {
        const int errorsToTell = 5;
        if (Interlocked.Increment(ref errorsTold) <= errorsToTell)
        {
            Printer.Remark(error.ToString());
        }
    }
}

/// <summary>Appends batches, each acknowledged by a quorum (acks=all) before the next is sent, to one partition after the other.</summary>
internal sealed class StreamsProducer : StreamsCaller
{
    private const short Version = 7;
    private const short AllReplicas = -1;

    private readonly byte[] _batch;
    private readonly int _messages;
    private readonly ProduceRequest _request;
    private readonly int _stride;
    private int _partition;

    /// <summary>A producer.</summary>
    /// <param name="load">The topic.</param>
    /// <param name="number">Which producer this is.</param>
    /// <param name="producers">Of how many: they begin at different partitions, and go on by as many.</param>
    /// <param name="messageBytes">Bytes of a message, at least those of a stamp.</param>
    /// <param name="messages">Messages of a batch.</param>
    public StreamsProducer(StreamsLoad load, int number, int producers, int messageBytes, int messages)
        : base(load, number)
    {
        _messages = messages;
        _partition = number % load.Partitions;
        _stride = producers % load.Partitions == 0 ? 0 : producers;
        var value = new byte[Math.Max(MessageStamp.Bytes, messageBytes)];
        new Random(number).NextBytes(value);
        MessageStamp.Mark(value);
        var builder = new RecordBatchBuilder();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 0; i < messages; i++)
        {
            builder.Add(now, null, value);
        }

        _batch = builder.Build();
        _request = new ProduceRequest
        {
            Acks = AllReplicas, TimeoutMs = 30_000, Topics = [new() { Name = load.Topic, Partitions = [new() { Records = _batch }] }],
        };
    }

    /// <inheritdoc />
    protected override void Begin(long now)
    {
        // The checksum is part of what a producer has to do for each batch.
        MessageStamp.Write(_batch, now);
        RecordBatchHeader.Seal(_batch);
    }

    /// <inheritdoc />
    protected override async ValueTask<KafkaError> TryAsync()
    {
        _request.Topics[0].Partitions[0].Index = _partition;
        KafkaError error;
        using (var answer = await AskAsync(_partition, KafkaApi.Produce, Version, _request).ConfigureAwait(false))
        {
            error = answer.Read<ProduceResponse>(Version).Topics[0].Partitions[0].Error;
        }

        if (error == KafkaError.None)
        {
            _partition = (_partition + _stride) % Load.Partitions;
            Messages += _messages;
            Bytes += _batch.Length;
        }

        return error;
    }
}

/// <summary>Reads a partition from its first message to its last, and again.</summary>
internal sealed class StreamsConsumer : StreamsCaller
{
    private const short Version = 11;

    private readonly int _partition;
    private readonly FetchRequest _request;
    private long _offset;

    /// <summary>A consumer.</summary>
    /// <param name="load">The topic.</param>
    /// <param name="number">Which consumer this is; also its partition.</param>
    /// <param name="fetchBytes">The most that an answer shall hold.</param>
    public StreamsConsumer(StreamsLoad load, int number, int fetchBytes)
        : base(load, number)
    {
        _partition = number % load.Partitions;
        _request = new FetchRequest
        {
            BytesMin = 1, BytesMax = fetchBytes, SessionEpoch = -1, RackId = "",
            Topics = [new() { Name = load.Topic, Partitions = [new() { Index = _partition, BytesMax = fetchBytes }] }],
        };
    }

    /// <inheritdoc />
    protected override async ValueTask<KafkaError> TryAsync()
    {
        _request.Topics[0].Partitions[0].FetchOffset = _offset;
        using var answer = await AskAsync(_partition, KafkaApi.Fetch, Version, _request).ConfigureAwait(false);
        var partition = answer.Read<FetchResponse>(Version).Topics[0].Partitions[0];
        if (partition.Error == KafkaError.None)
        {
            _offset = Count((partition.Records ?? default).Span, _offset, null);
            _offset = _offset >= partition.HighWatermark ? 0 : _offset;
        }

        return partition.Error;
    }
}

/// <summary>When a batch was sent: in its first message, behind a mark.</summary>
internal static class MessageStamp
{
    private static ReadOnlySpan<byte> Marker => "atoll.at"u8;

    // The head of a batch, and then that of a record with any length, are before it.
    private const int SearchedBytes = 128;

    /// <summary>Bytes of the mark and the stamp.</summary>
    public static int Bytes => Marker.Length + sizeof(long);

    /// <summary>Puts the mark before a message.</summary>
    public static void Mark(Span<byte> message) => Marker.CopyTo(message);

    /// <summary>Writes the stamp of a batch whose messages are marked.</summary>
    public static void Write(Span<byte> batch, long timestamp) =>
        BinaryPrimitives.WriteInt64LittleEndian(batch[(batch.IndexOf(Marker) + Marker.Length)..], timestamp);

    /// <summary>Reads it, if it is there.</summary>
    public static bool TryRead(ReadOnlySpan<byte> batch, out long timestamp)
    {
        var at = batch[..Math.Min(batch.Length, SearchedBytes)].IndexOf(Marker);
        var isThere = at >= 0 && batch.Length >= at + Bytes;
        timestamp = isThere ? BinaryPrimitives.ReadInt64LittleEndian(batch[(at + Marker.Length)..]) : 0;
        return isThere;
    }
}
