using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Atoll.Foundation.Randomness;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.Gateways.Tests.Streams;

/// <summary>A producer that is fed by a channel, over the real state machines.</summary>
public sealed class TopicProducerTests : IAsyncDisposable
{
    private readonly MachinePort _port = new();
    private readonly ManualTime _time = new();
    private readonly AtollClient _client;

    public TopicProducerTests() => _client = new AtollClient(_port, new CallerOptions { Clock = new ServerClock(_time) });

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    [Fact]
    public async Task Each_record_is_told_where_it_is_and_a_key_stays_in_its_partition()
    {
        var topic = await TopicAsync(3);
        await using var producer = _client.Streams.Producer(topic);
        for (var i = 0; i < 20; i++)
        {
            var key = Bytes($"k{i % 5}");
            var appended = await producer.SendAsync(new RecordToAppend(key, Bytes($"{i}")));
            Assert.Equal(KeyPartitioner.PartitionOf(key.Span, 3), appended.Partition);
            var read = await ReadAsync(topic, appended.Partition);
            Assert.Equal($"{i}", read[(int)appended.Offset]);
        }

        var named = await producer.SendAsync(new RecordToAppend(Bytes("k0"), Bytes("here")) { Partition = 2 });
        Assert.Equal(2, named.Partition);
        var wrong = new RecordToAppend(null, null) { Partition = 3 };
        await Assert.ThrowsAsync<InvalidRequestException>(() => producer.SendAsync(wrong).AsTask());
        Assert.Equal(21, producer.Appended);
    }

    [Fact]
    public async Task What_comes_while_a_batch_is_under_way_is_the_next_batch()
    {
        var topic = await TopicAsync(1);
        await using var producer = _client.Streams.Producer(topic);
        var appends = HoldAppends();
        Assert.True(producer.Writer.TryWrite(Record(0)));
        await appends.ReadAsync();
        for (var i = 1; i < 100; i++)
        {
            Assert.True(producer.Writer.TryWrite(Record(i)));
        }

        _port.Release();
        await producer.FlushAsync();
        Assert.Equal(Numbers(100), await ReadAsync(topic, 0));
        Assert.Equal(2, _port.Requests.Count(IsAppend));
    }

    [Fact]
    public async Task A_batch_lingers_until_its_time_is_over_or_it_is_full_or_somebody_flushes()
    {
        var topic = await TopicAsync(1);
        var options = new TopicProducerOptions { Linger = TimeSpan.FromSeconds(1), BatchBytes = 198, Time = _time };
        await using var producer = _client.Streams.Producer(topic, options);
        var first = producer.SendAsync(Record(0)).AsTask();
        await TimerAsync();
        _time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.False(first.IsCompleted);
        var second = producer.SendAsync(Record(1)).AsTask();
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal((0, 1), ((int)(await first).Offset, (int)(await second).Offset));
        Assert.Equal(1, _port.Requests.Count(IsAppend));

        await Task.WhenAll(Enumerable.Range(2, 6).Select(i => producer.SendAsync(Record(i)).AsTask())); // of 33 bytes each
        Assert.Equal(2, _port.Requests.Count(IsAppend));
        var last = producer.SendAsync(Record(8)).AsTask();
        await producer.FlushAsync();
        await last;
        Assert.Equal(Numbers(9), await ReadAsync(topic, 0));
    }

    [Fact]
    public async Task Who_writes_waits_while_there_is_no_room_and_goes_on_when_there_is()
    {
        var topic = await TopicAsync(2);
        await using var producer = _client.Streams.Producer(topic, new TopicProducerOptions { BufferBytes = 300, BatchBytes = 50 });
        HoldAppends();
        var taken = 0;
        while (producer.Writer.TryWrite(Record(taken, partition: 0)))
        {
            taken++;
        }

        Assert.Equal(10, taken); // of 33 bytes each, the last one beyond
        var room = producer.Writer.WaitToWriteAsync().AsTask();
        using var impatient = new CancellationTokenSource();
        var cancelled = producer.SendAsync(Record(99), impatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.False(room.IsCompleted);
        _port.Release();
        Assert.True(await room);
        await producer.Writer.WriteAsync(Record(taken, partition: 0));
        await producer.FlushAsync();
        Assert.Equal(Numbers(taken + 1), await ReadAsync(topic, 0));
        Assert.Empty(await ReadAsync(topic, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_is_lost_on_the_way_each_record_is_there_once_and_in_order(int seed)
    {
        var topic = await TopicAsync(3);
        var prng = new Prng((ulong)seed);
        _port.Disturb = request =>
        {
            if (!IsAppend(request))
            {
                return null;
            }

            var fate = prng.NextInt(0, 10);
            _ = fate == 0 ? _port.Answer(request) : default; // done, and nobody hears of it
            return fate < 2 ? new Response(ResponseStatus.OutcomeUnknown) : fate == 2 ? new Response(ResponseStatus.NotLeader) : null;
        };
        var channel = Channel.CreateBounded<int>(10);
        var options = new TopicProducerOptions { BatchBytes = 200, Time = new ImpatientTime() };
        await using var producer = _client.Streams.Producer(topic, options);
        var pumping = PumpAsync(channel.Reader, producer.Writer);
        for (var i = 0; i < 1_000; i++)
        {
            await channel.Writer.WriteAsync(i);
        }

        channel.Writer.Complete();
        await pumping;
        await producer.DisposeAsync();
        for (var partition = 0; partition < 3; partition++)
        {
            var expected = Numbers(1_000).Where(number => KeyPartitioner.PartitionOf(Bytes(number).Span, 3) == partition);
            Assert.Equal(expected, await ReadAsync(topic, partition));
        }
    }

    [Fact]
    public async Task A_record_that_is_too_large_fails_alone()
    {
        var topic = await TopicAsync(1);
        await using var producer = _client.Streams.Producer(topic, new TopicProducerOptions { BatchBytes = 40 });
        var sends = new[] { Record(0), new RecordToAppend(null, new byte[2_000_000]), Record(1) }
            .Select(record => producer.SendAsync(record).AsTask()).ToArray();
        await Assert.ThrowsAsync<TooLargeException>(() => sends[1]);
        Assert.Equal((0, 1), ((await sends[0]).Offset, (await sends[2]).Offset));
    }

    [Fact]
    public async Task A_batch_whose_outcome_is_unknown_does_not_come_behind_later_ones()
    {
        var topic = await TopicAsync(1);
        Request? late = null;
        _port.Disturb = request =>
        {
            if (!IsAppend(request) || late is not null)
            {
                return null;
            }

            late = request;
            return new Response(ResponseStatus.OutcomeUnknown);
        };
        var options = new TopicProducerOptions { Timeout = TimeSpan.FromTicks(1), BatchBytes = 40, Time = new ImpatientTime() };
        await using var producer = _client.Streams.Producer(topic, options);
        var (first, second) = (producer.SendAsync(Record(0)).AsTask(), producer.SendAsync(Record(1)).AsTask());
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => first);
        Assert.Equal(0, (await second).Offset);
        Assert.True(PartitionResult.TryRead(_port.Answer(late!).Body, out var refused));
        Assert.Equal(PartitionStatus.ProducerFenced, refused.Status);
        Assert.Equal(["1"], await ReadAsync(topic, 0));
    }

    [Fact]
    public async Task A_try_of_unknown_outcome_is_not_forgotten_when_the_last_one_was_refused()
    {
        var topic = await TopicAsync(1);
        var answers = new Queue<ResponseStatus>([ResponseStatus.OutcomeUnknown, ResponseStatus.NotLeader]);
        _port.Disturb = request => !IsAppend(request) ? null
            : new Response(answers.TryDequeue(out var next) ? next : ResponseStatus.NotLeader);
        var options = new TopicProducerOptions { Timeout = TimeSpan.FromMilliseconds(75), Time = new ImpatientTime() };
        await using var producer = _client.Streams.Producer(topic, options);
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => producer.SendAsync(Record(0)).AsTask());
    }

    [Fact]
    public async Task A_producer_that_the_partition_has_forgotten_begins_anew()
    {
        var topic = await TopicAsync(1);
        await using var producer = _client.Streams.Producer(topic);
        await producer.SendAsync(Record(0));
        var forgets = true;
        _port.Disturb = request =>
        {
            if (!IsAppend(request) || !forgets)
            {
                return null;
            }

            forgets = false;
            var writer = new Foundation.Bytes.WireWriter();
            new PartitionResult(PartitionStatus.UnknownProducer, -1, 0).Write(writer);
            return new Response(ResponseStatus.Ok, writer.ToArray());
        };
        Assert.Equal(1, (await producer.SendAsync(Record(1))).Offset);
        Assert.Equal(2, (await producer.SendAsync(Record(2))).Offset);
    }

    [Fact]
    public async Task What_a_writers_record_failed_with_ends_the_producer_unless_somebody_is_told()
    {
        var topic = await TopicAsync(1);
        var large = new RecordToAppend(null, new byte[2_000_000]);
        var told = new List<AtollException>();
        await using (var producer = _client.Streams.Producer(topic, new TopicProducerOptions { Failed = (_, error) => told.Add(error) }))
        {
            await producer.Writer.WriteAsync(large);
            await producer.FlushAsync();
            await producer.Writer.WriteAsync(Record(0));
        }

        Assert.IsType<TooLargeException>(Assert.Single(told));
        await using var strict = _client.Streams.Producer(topic);
        HoldAppends();
        await strict.Writer.WriteAsync(large);
        await Assert.ThrowsAsync<TooLargeException>(() => strict.FlushAsync().AsTask());
        Assert.False(strict.Writer.TryWrite(Record(1)));
        await Assert.ThrowsAsync<TooLargeException>(() => strict.Writer.WriteAsync(Record(1)).AsTask());
        await Assert.ThrowsAsync<TooLargeException>(() => strict.SendAsync(Record(1)).AsTask());
        _port.Release();
        Assert.Equal(["0"], await ReadAsync(topic, 0));
    }

    [Fact]
    public async Task Its_end_waits_for_what_was_taken_and_takes_no_more()
    {
        var topic = await TopicAsync(4);
        var producer = _client.Streams.Producer(topic, new TopicProducerOptions { Linger = TimeSpan.FromHours(1) });
        for (var i = 0; i < 100; i++)
        {
            await producer.Writer.WriteAsync(Record(i));
        }

        Assert.True(producer.Writer.TryComplete());
        Assert.False(producer.Writer.TryComplete());
        await producer.DisposeAsync();
        Assert.Equal(100, producer.Appended);
        Assert.False(await producer.Writer.WaitToWriteAsync());
        await Assert.ThrowsAsync<ChannelClosedException>(() => producer.SendAsync(Record(0)).AsTask());
    }

    private static bool IsAppend(Request request) =>
        request.Kind == RequestKind.Write && request.Payload.Length > PartitionCommand.BatchAt && !request.IsRepeatable
        && request.Payload.Span[0] == (byte)PartitionCommandKind.Append;

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(Text)];

    private static RecordToAppend Record(int number, int? partition = null) =>
        new(null, Bytes(Text(number))) { Partition = partition };

    private static async Task PumpAsync(ChannelReader<int> numbers, ChannelWriter<RecordToAppend> records)
    {
        await foreach (var number in numbers.ReadAllAsync())
        {
            await records.WriteAsync(new RecordToAppend(Bytes(Text(number)), Bytes(Text(number))));
        }
    }

    private ValueTask<Topic> TopicAsync(int partitions) =>
        _client.Streams.CreateAsync(new TopicCreation("t", partitions, 1, TopicSettings.Default));

    private async Task<List<string>> ReadAsync(Topic topic, int partition)
    {
        var values = new List<string>();
        var reader = new TopicReader(_client.Streams, topic, partition);
        await foreach (var record in reader.ReadAsync(0, await reader.FindAsync(PartitionFind.Latest)))
        {
            values.Add(Encoding.UTF8.GetString(record.Value!.Value.Span));
        }

        return values;
    }

    // Appends wait until they are released; each is told of.
    private ChannelReader<bool> HoldAppends()
    {
        var held = Channel.CreateUnbounded<bool>();
        _port.Holds = request => IsAppend(request) && held.Writer.TryWrite(true);
        return held.Reader;
    }

    private async Task TimerAsync()
    {
        while (_time.TimersSet == 0)
        {
            await Task.Yield();
        }
    }
}
