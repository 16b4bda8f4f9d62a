using System.Globalization;
using System.Runtime.InteropServices;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>What Confluent.Kafka, over Debian's librdkafka, is asked to do.</summary>
/// <param name="bootstrap">The brokers.</param>
/// <param name="login">How it comes in; null where anybody may.</param>
internal sealed class DotNetClient(string bootstrap, KafkaLogin? login = null)
{
    private const string NativeLibraryName = "librdkafka.so.1";
    private const int Partitions = 3;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static readonly Lazy<bool> Loaded = new(static () =>
    {
        // The package looks for a library of its own; Debian's is the same, by another name.
        NativeLibrary.SetDllImportResolver(typeof(Library).Assembly, static (name, _, _) =>
            name.StartsWith("libdl", StringComparison.Ordinal) ? NativeLibrary.Load("libdl.so.2")
            : name.Contains("librdkafka", StringComparison.Ordinal) ? NativeLibrary.Load(NativeLibraryName)
            : 0);
        return Library.Load(NativeLibraryName);
    });

    /// <summary>Loads the native library.</summary>
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static void Load()
    {
        if (!NativeLibrary.TryLoad(NativeLibraryName, out _))
        {
            throw new InvalidOperationException($"missing: {NativeLibraryName} (Debian's librdkafka1); ./test --all as root installs it");
        }

        Assert.True(Loaded.Value);
    }

    /// <summary>Topics, every compression and acknowledgement, a group, transactions.</summary>
    public async Task WorkAsync()
    {
        const string topic = "dotnet-events";
        using var admin = Admin();
        await CreateAsync(admin, topic, Partitions);
        var twice = await Assert.ThrowsAsync<CreateTopicsException>(() => CreateAsync(admin, topic, Partitions));
        Assert.Equal(ErrorCode.TopicAlreadyExists, twice.Results[0].Error.Code);
        Assert.Equal(Partitions, Assert.Single(admin.GetMetadata(topic, Deadline).Topics).Partitions.Count);

        var sent = new List<string>();
        foreach (var compression in Enum.GetValues<CompressionType>())
        {
            foreach (var acks in Enum.GetValues<Acks>())
            {
                sent.AddRange(Produce(topic, compression, acks));
            }
        }

        using (var first = Subscribe("dotnet-readers", topic))
        using (var second = Subscribe("dotnet-readers", topic))
        {
            // What the first of them reads before the second is there, and has not committed, it reads again.
            var found = new List<string>();
            Read(
                () => found.Distinct().Count() == sent.Count && first.Assignment.Count > 0 && second.Assignment.Count > 0,
                found, first, second);
            Assert.Equal(sent.Order(StringComparer.Ordinal), found.Distinct().Order(StringComparer.Ordinal));
            Assert.Equal(Partitions, first.Assignment.Count + second.Assignment.Count);
            Commit(first, topic);
            second.Close();
            Read(() => first.Assignment.Count == Partitions, found, first);

            // From here on nobody's partitions change: what is new comes once. What it had begun to read again may still come first.
            var more = Produce(topic, CompressionType.None, Acks.All, "more ");
            found.Clear();
            Read(() => found.Count(IsMore) >= more.Count, found, first);
            Assert.Equal(more.Order(StringComparer.Ordinal), found.Where(IsMore).Order(StringComparer.Ordinal));

            first.Seek(new TopicPartitionOffset(topic, 1, 5));
            var again = first.Consume(Deadline);
            Assert.Equal((1, 5L), (again.Partition.Value, again.Offset.Value));
            first.Close();
        }

        Assert.Contains(admin.ListGroups(Deadline), static group => group.Group == "dotnet-readers");
        await admin.DeleteGroupsAsync(["dotnet-readers"]);
        Transact(topic);
        await admin.DeleteTopicsAsync([topic]);
        Assert.DoesNotContain(admin.GetMetadata(Deadline).Topics, static each => each.Topic == topic);
    }

    private static bool IsMore(string value) => value.StartsWith("more ", StringComparison.Ordinal);

    /// <summary>A client for topics and groups.</summary>
    public IAdminClient Admin() => new AdminClientBuilder(Told(new AdminClientConfig())).SetLogHandler(static (_, _) => { }).Build();

    /// <summary>Creates a topic.</summary>
    public static Task CreateAsync(IAdminClient admin, string topic, int partitions) =>
        admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = 3 }]);

    /// <summary>A producer.</summary>
    public IProducer<Null, string> Producer(ProducerConfig config, Action<Error>? onFatal = null)
    {
        config.LingerMs = 2;
        return new ProducerBuilder<Null, string>(Told(config)).SetLogHandler(static (_, _) => { }).SetErrorHandler((_, error) =>
        {
            if (error.IsFatal)
            {
                onFatal?.Invoke(error);
            }
        }).Build();
    }

    /// <summary>A member of a group that reads what is committed.</summary>
    public IConsumer<Null, string> Subscribe(string group, string topic)
    {
        var consumer = Consumer(group);
        consumer.Subscribe(topic);
        return consumer;
    }

    /// <summary>Who may be one, and may look at what its group has committed and set that.</summary>
    public IConsumer<Null, string> Consumer(string group) =>
        new ConsumerBuilder<Null, string>(Told(new ConsumerConfig
        {
            GroupId = group, EnableAutoCommit = false, AutoOffsetReset = AutoOffsetReset.Earliest,
            IsolationLevel = IsolationLevel.ReadCommitted, SessionTimeoutMs = 30_000, HeartbeatIntervalMs = 200, FetchWaitMaxMs = 100,
        })).SetLogHandler(static (_, _) => { }).Build();

    /// <summary>Reads until something is so.</summary>
    public static void Read(Func<bool> isDone, List<string> found, params IConsumer<Null, string>[] consumers)
    {
        var until = DateTime.UtcNow + Deadline;
        while (!isDone())
        {
            Assert.True(DateTime.UtcNow < until, $"{found.Count} messages were read in time");
            foreach (var consumer in consumers)
            {
                if (consumer.Consume(50) is { } message)
                {
                    found.Add(message.Message.Value);
                }
            }
        }
    }

    private T Told<T>(T config)
        where T : ClientConfig
    {
        config.BootstrapServers = bootstrap;
        login?.Apply(config);
        return config;
    }

    private List<string> Produce(string topic, CompressionType compression, Acks acks, string head = "")
    {
        using var producer = Producer(new ProducerConfig { CompressionType = compression, Acks = acks });
        var sent = Enumerable.Range(0, 30).Select(number => $"{head}{compression} {acks} {number} {new string('x', 200)}").ToList();
        var failures = new List<Error>();
        foreach (var (number, value) in sent.Index())
        {
            producer.Produce(new TopicPartition(topic, number % Partitions), new Message<Null, string> { Value = value }, report =>
            {
                if (report.Error.IsError)
                {
                    failures.Add(report.Error);
                }
            });
        }

        Assert.Equal(0, producer.Flush(Deadline));
        Assert.Empty(failures);
        return sent;
    }

    private static void Commit(IConsumer<Null, string> consumer, string topic)
    {
        var ends = Enumerable.Range(0, Partitions)
            .Select(partition => new TopicPartition(topic, partition))
            .Select(partition => new TopicPartitionOffset(partition, consumer.QueryWatermarkOffsets(partition, Deadline).High)).ToList();
        consumer.Commit(ends);
        var committed = consumer.Committed(ends.Select(static end => end.TopicPartition), Deadline);
        Assert.Equal(ends, committed.OrderBy(static end => end.Partition.Value));
    }

    // Reads, works and writes in transactions: what is aborted nobody sees, and what is committed is there once.
    private void Transact(string topic)
    {
        using var producer = Producer(new ProducerConfig { TransactionalId = "dotnet-cook" });
        using var consumer = Subscribe("dotnet-cooks", topic);
        producer.InitTransactions(Deadline);
        var cooked = new List<string>();
        while (cooked.Count < 10)
        {
            if (consumer.Consume(Deadline) is not { } message)
            {
                continue;
            }

            foreach (var isLast in new[] { false, true })
            {
                producer.BeginTransaction();
                var (how, place) = (isLast ? "cooked" : "burnt", message.TopicPartitionOffset);
                var value = string.Create(CultureInfo.InvariantCulture, $"{how} {place.Partition.Value} {place.Offset.Value}");
                producer.Produce("dotnet-cooked", new Message<Null, string> { Value = value });
                producer.SendOffsetsToTransaction(
                    [new TopicPartitionOffset(message.TopicPartition, message.Offset + 1)], consumer.ConsumerGroupMetadata, Deadline);
                if (isLast)
                {
                    producer.CommitTransaction(Deadline);
                    cooked.Add(value);
                }
                else
                {
                    producer.AbortTransaction(Deadline);
                }
            }
        }

        var found = new List<string>();
        using var guest = Subscribe("dotnet-guests", "dotnet-cooked");
        Read(() => found.Count == cooked.Count, found, guest);
        Assert.Equal(cooked, found);
        guest.Close();
        consumer.Close();
    }
}
