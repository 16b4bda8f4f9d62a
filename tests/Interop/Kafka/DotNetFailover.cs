using System.Globalization;
using Confluent.Kafka;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Confluent.Kafka while a broker is killed: a producer that numbers its batches, and a processor that reads and writes in transactions.
/// </summary>
/// <param name="client">Of the cluster.</param>
internal sealed class DotNetFailover(DotNetClient client)
{
    private const string Orders = "dotnet-orders";
    private const string Output = "dotnet-out";
    private const int Partitions = 3;
    private const int BacklogMax = 500; // a transaction takes longer than a message, and what is left at the end is waited for

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    // A processor whose transaction does not end begins anew, long before its test gives up.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly List<string> _failures = [];
    private int _produced;
    private int _worked;

    /// <summary>Runs until it is enough, and then until all is worked on; fails when anything was lost, doubled or out of order.</summary>
    public async Task RunAsync(Task enough)
    {
        using var admin = client.Admin();
        await DotNetClient.CreateAsync(admin, Orders, Partitions);
        await DotNetClient.CreateAsync(admin, Output, 1);
        var producing = Task.Run(() => Produce(enough));
        var working = Task.Run(() => Work(producing));
        await Task.WhenAll(producing, working);

        var expected = Enumerable.Range(0, _produced).ToList();
        Assert.Equal(expected, ReadAll(Output).Order());
        foreach (var partition in ReadAll(Orders).GroupBy(static number => number % Partitions))
        {
            Assert.Equal(expected.Where(number => number % Partitions == partition.Key), partition); // nothing lost or doubled, in order
        }
    }

    /// <summary>Waits until both have done something more.</summary>
    public async Task ProgressAsync(Task running)
    {
        var (produced, worked) = (Volatile.Read(ref _produced), Volatile.Read(ref _worked));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var until = DateTime.UtcNow + Deadline;
        while (Volatile.Read(ref _produced) < produced + 30 || Volatile.Read(ref _worked) < worked + 10)
        {
            if (running.IsCompleted)
            {
                await running;
            }

            Assert.True(DateTime.UtcNow < until, $"no progress: {this}");
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc />
    public override string ToString() => $"dotnet: {_produced} produced, {_worked} worked on; {string.Join("; ", _failures)}";

    private void Produce(Task enough)
    {
        var errors = new List<Error>();
        using var producer = client.Producer(
            new ProducerConfig { EnableIdempotence = true, CompressionType = CompressionType.Zstd }, errors.Add);
        while (!enough.IsCompleted && errors.Count == 0)
        {
            if (_produced - Volatile.Read(ref _worked) > BacklogMax)
            {
                producer.Poll(TimeSpan.FromMilliseconds(5));
                continue;
            }

            var value = _produced.ToString(CultureInfo.InvariantCulture);
            var message = new Message<Null, string> { Value = value };
            producer.Produce(new TopicPartition(Orders, _produced % Partitions), message, report =>
            {
                if (report.Error.IsError)
                {
                    errors.Add(report.Error);
                }
            });
            Volatile.Write(ref _produced, _produced + 1);
            producer.Poll(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal(0, producer.Flush(Deadline));
        Assert.Empty(errors);
    }

    private void Work(Task producing)
    {
        using var consumer = client.Subscribe("dotnet-workers", Orders);
        var producer = Begin();
        var round = 0;
        while (!producing.IsCompleted || _worked < _produced)
        {
            if (producing.IsFaulted)
            {
                break; // who waits for both hears of it
            }

            var messages = new List<ConsumeResult<Null, string>>();
            while (messages.Count < 20 && consumer.Consume(messages.Count == 0 ? 100 : 1) is { } message)
            {
                messages.Add(message);
            }

            if (messages.Count == 0)
            {
                continue;
            }

            try
            {
                Send(producer, consumer, messages);
                if (++round % 5 == 0)
                {
                    producer.AbortTransaction(Patience);
                    Rewind(consumer);
                    continue;
                }

                producer.CommitTransaction(Patience);
                Volatile.Write(ref _worked, _worked + messages.Count);
            }
            catch (KafkaException failure)
            {
                // Nobody knows how it ended: a new producer of the same id ends it, and the group's offsets say whether it was committed.
                _failures.Add(failure.Error.ToString());
                producer.Dispose();
                producer = Begin();
                var isCommitted = consumer.Committed([messages[0].TopicPartition], Deadline)[0].Offset > messages[0].Offset;
                Volatile.Write(ref _worked, _worked + (isCommitted ? messages.Count : 0));
                Rewind(consumer);
            }
        }

        producer.Dispose();
        consumer.Close();
    }

    private List<int> ReadAll(string topic)
    {
        var found = new List<string>();
        using var reader = client.Subscribe($"checkers-of-{topic}", topic);
        DotNetClient.Read(() => found.Count >= _produced, found, reader);
        reader.Close();
        return [.. found.Select(static value => int.Parse(value, CultureInfo.InvariantCulture))];
    }

    private IProducer<Null, string> Begin()
    {
        var producer = client.Producer(new ProducerConfig { TransactionalId = "dotnet-worker" });
        producer.InitTransactions(Deadline);
        return producer;
    }

    private static void Send(IProducer<Null, string> producer, IConsumer<Null, string> consumer, List<ConsumeResult<Null, string>> messages)
    {
        producer.BeginTransaction();
        foreach (var message in messages)
        {
            producer.Produce(Output, new Message<Null, string> { Value = message.Message.Value });
        }

        var next = messages.GroupBy(static message => message.TopicPartition)
            .Select(static group => new TopicPartitionOffset(group.Key, group.Last().Offset + 1));
        producer.SendOffsetsToTransaction(next, consumer.ConsumerGroupMetadata, Patience);
    }

    private static void Rewind(IConsumer<Null, string> consumer)
    {
        foreach (var committed in consumer.Committed(Deadline))
        {
            var place = committed.Offset == Offset.Unset ? Offset.Beginning : committed.Offset;
            consumer.Seek(new TopicPartitionOffset(committed.TopicPartition, place));
        }
    }
}
