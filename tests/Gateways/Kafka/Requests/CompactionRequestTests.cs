using System.Globalization;
using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Compaction;
using Atoll.StateMachines.Streams;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>Topics that are compacted by key: their settings, what they do not take, and that they are compacted.</summary>
public sealed class CompactionRequestTests
{
    private static readonly CompactionPace Quick = new() { LookInterval = TimeSpan.FromMilliseconds(5) };

    [Fact]
    public async Task The_settings_of_compaction_are_set_described_and_changed_in_part()
    {
        await using var host = new KafkaHost();
        Assert.Equal(KafkaError.None, await CreateAsync(
            host, "t", ("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("delete.retention.ms", "100"),
            ("min.compaction.lag.ms", "5"), ("max.compaction.lag.ms", "60000")));
        var settings = await SettingsAsync(host);
        Assert.Equal((0.01, 5, 100, 60_000), (
            settings.Compaction!.DirtyRatioMin, settings.Compaction.LagMilliseconds, settings.Compaction.TombstoneMilliseconds,
            settings.Compaction.LagMaxMilliseconds));

        // Nothing old is deleted, and no segment is written for longer than records may wait.
        Assert.Equal((-1, -1, 60_000), (
            settings.Partition.RetentionMilliseconds, settings.Partition.RetentionBytes, settings.Partition.SegmentMilliseconds));
        var described = await host.AskAsync<DescribeConfigsResponse>(KafkaApi.DescribeConfigs, 4, new DescribeConfigsRequest
        {
            Resources = [new() { Type = 2, Name = "t", Names = ["cleanup.policy", "min.cleanable.dirty.ratio", "delete.retention.ms"] }],
        });
        Assert.Equal(
            [("cleanup.policy", "compact", 7), ("delete.retention.ms", "100", 5), ("min.cleanable.dirty.ratio", "0.01", 6)],
            described.Results[0].Configs.Select(config => (config.Name, config.Value!, (int)config.ConfigType)).Order());

        Assert.Equal(KafkaError.None, await AlterAsync(host, ("cleanup.policy", "delete", 2)));
        settings = await SettingsAsync(host);
        Assert.Equal("compact,delete", settings[TopicSetting.CleanupPolicy]);
        Assert.NotNull(settings.Compaction);
        Assert.Equal(7L * 24 * 60 * 60 * 1000, settings.Partition.RetentionMilliseconds);
        Assert.Equal(KafkaError.None, await AlterAsync(host, ("cleanup.policy", "compact", 3)));
        settings = await SettingsAsync(host);
        Assert.Equal("delete", settings[TopicSetting.CleanupPolicy]);
        Assert.Null(settings.Compaction);
        Assert.Equal(3_600_000, settings.Partition.SegmentMilliseconds);
    }

    [Theory]
    [InlineData("cleanup.policy", "compact,shred")]
    [InlineData("cleanup.policy", "")]
    [InlineData("cleanup.policy", "delete,delete")]
    [InlineData("min.cleanable.dirty.ratio", "1.5")]
    [InlineData("min.cleanable.dirty.ratio", "NaN")]
    [InlineData("min.compaction.lag.ms", "-1")]
    [InlineData("max.compaction.lag.ms", "0")]
    [InlineData("delete.retention.ms", "soon")]
    public async Task Settings_that_cannot_be_are_refused(string name, string value)
    {
        await using var host = new KafkaHost();
        Assert.Equal(KafkaError.InvalidConfig, await CreateAsync(host, "t", (name, value)));
        await host.CreateAsync("t");
        Assert.Equal(KafkaError.InvalidConfig, await AlterAsync(host, (name, value, 0)));
    }

    [Fact]
    public async Task Settings_that_do_not_fit_together_are_refused()
    {
        await using var host = new KafkaHost();
        (string, string)[] conflict = [("min.compaction.lag.ms", "100"), ("max.compaction.lag.ms", "99")];
        Assert.Equal(KafkaError.InvalidConfig, await CreateAsync(host, "t", conflict));
        await host.CreateAsync("t");
        Assert.Equal(KafkaError.None, await AlterAsync(host, ("min.compaction.lag.ms", "100", 0)));
        Assert.Equal(KafkaError.InvalidConfig, await AlterAsync(host, ("max.compaction.lag.ms", "99", 0)));
        Assert.Equal(KafkaError.InvalidConfig, await AlterAsync(host, ("cleanup.policy", "delete", 3)));
        Assert.Equal(KafkaError.InvalidConfig, await AlterAsync(host, ("retention.ms", "5", 2)));
        await Assert.ThrowsAsync<InvalidSettingsException>(async () => await host.Streams.AlterAsync(
            "t", settings => settings.TrySet("max.compaction.lag.ms", "99", out var changed) is null ? changed : settings));
    }

    [Theory]
    [InlineData(RecordCompression.None)]
    [InlineData(RecordCompression.Zstandard)]
    public async Task Records_without_keys_are_refused_with_all_of_their_batch(RecordCompression compression)
    {
        await using var host = new KafkaHost();
        await CreateAsync(host, "t", ("cleanup.policy", "compact,delete"));
        foreach (var version in new[] { 3, 8, 11 })
        {
            var refused = await host.ProduceAsync("t", Batch(compression, ("a", "1"), (null, "2"), ("b", null), (null, null)), version);
            Assert.Equal((KafkaError.InvalidRecord, -1L), (refused.Error, refused.BaseOffset));
            Assert.Equal(version < 8 ? [] : [1, 3], refused.RecordErrors.Select(error => error.BatchIndex));
            Assert.Equal(version >= 8, refused.ErrorText?.Contains("is compacted by key", StringComparison.Ordinal) == true);
        }

        Assert.Equal((KafkaError.None, 0L), Outcome(await host.ProduceAsync("t", Batch(compression, ("a", "1"), ("", "2"), ("b", null)))));
        await using var producer = host.Streams.Producer((await host.Streams.TopicsAsync()).Find("t")!);
        await Assert.ThrowsAsync<MissingKeyException>(async () =>
            await producer.SendAsync(new RecordToAppend(0, RecordToAppend.Now, null, new byte[1], [])));

        // Where nothing is compacted, nothing is looked into.
        await AlterAsync(host, ("cleanup.policy", "delete", 0));
        Assert.Equal((KafkaError.None, 3L), Outcome(await host.ProduceAsync("t", Batch(compression, (null, "1")))));
    }

    [Fact]
    public async Task Who_leads_a_partition_compacts_it_and_nobody_else()
    {
        await using var host = new KafkaHost { Leader = new NodeId(2) };
        await CreateAsync(host, "t", ("cleanup.policy", "compact"), ("segment.bytes", "1024"), ("min.cleanable.dirty.ratio", "0.1"));
        await host.CreateAsync("other");
        var topic = (await host.Streams.TopicsAsync()).Find("t")!;
        for (var i = 0; i < 200; i++)
        {
            var batch = Batch(RecordCompression.Lz4, ($"k{i % 7}", string.Create(CultureInfo.InvariantCulture, $"{i} {Guid.NewGuid()}")));
            await host.Streams.AppendAsync(topic, 0, batch, TimeSpan.FromSeconds(5));
        }

        await using var compactor = new TopicCompactor(host.Streams, host, Quick, host.Time, NullLogger.Instance);
        Assert.Null(await RoundAsync(host, topic, TimeSpan.FromSeconds(0.1)));
        host.Leader = new NodeId(1);
        var status = await RoundAsync(host, topic, TimeSpan.FromSeconds(20));
        Assert.NotNull(status);
        Assert.InRange(status.CleanEnd, 150, 199);
        var records = new List<TopicRecord>();
        await foreach (var record in new TopicReader(host.Streams, topic, 0).ReadAsync(0, 200))
        {
            records.Add(record);
        }

        Assert.Equal(7, records.Count(record => record.Offset < status.CleanEnd));
        Assert.Equal(records.Select(static record => record.Offset).Order(), records.Select(static record => record.Offset));
        Assert.All(records, record => Assert.StartsWith($"{record.Offset} ", Text(record.Value), StringComparison.Ordinal));
        Assert.Equal(
            Enumerable.Range(193, 7).Select(number => (long)number),
            records.GroupBy(record => Text(record.Key)).Select(key => key.Last().Offset).Order());
    }

    // Lets the compactor's time pass until a round is over; null when none is within the real time that is given.
    private static async Task<CompactionStatus?> RoundAsync(KafkaHost host, Topic topic, TimeSpan patience)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < patience)
        {
            host.Time.Advance(Quick.LookInterval);
            if (await host.Streams.CompactionAsync(topic, 0) is { Rounds: > 0, Round: null } status)
            {
                return status;
            }

            await Task.Yield();
        }

        return null;
    }

    private static string Text(ReadOnlyMemory<byte>? bytes) => Encoding.UTF8.GetString(bytes!.Value.Span);

    private static (KafkaError Error, long Offset) Outcome(ProduceResponse.Partition answer) => (answer.Error, answer.BaseOffset);

    private static byte[] Batch(RecordCompression compression, params (string? Key, string? Value)[] records)
    {
        var builder = new RecordBatchBuilder { Compression = compression };
        foreach (var (key, value) in records)
        {
            builder.Add(1_000, Bytes(key), Bytes(value));
        }

        return builder.Build();
    }

    private static ReadOnlyMemory<byte>? Bytes(string? text) =>
        text is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(text);

    private static async Task<TopicSettings> SettingsAsync(KafkaHost host) =>
        (await host.Streams.RefreshAsync()).Find("t")!.Settings;

    private static async Task<KafkaError> CreateAsync(KafkaHost host, string name, params (string Name, string Value)[] settings)
    {
        var created = await host.AskAsync<CreateTopicsResponse>(KafkaApi.CreateTopics, 7, new CreateTopicsRequest
        {
            Topics =
            [
                new()
                {
                    Name = name, PartitionCount = 1, ReplicationFactor = -1,
                    Configs =
                    [
                        .. settings.Select(setting => new CreateTopicsRequest.Config { Name = setting.Name, Value = setting.Value }),
                    ],
                },
            ],
        });
        return created.Topics[0].Error;
    }

    private static async Task<KafkaError> AlterAsync(KafkaHost host, params (string Name, string Value, sbyte Operation)[] changes)
    {
        var altered = await host.AskAsync<IncrementalAlterConfigsResponse>(
            KafkaApi.IncrementalAlterConfigs, 1, new IncrementalAlterConfigsRequest
            {
                Resources =
                [
                    new()
                    {
                        Type = 2, Name = "t",
                        Configs =
                        [
                            .. changes.Select(change => new IncrementalAlterConfigsRequest.Config
                            {
                                Name = change.Name, Value = change.Value, ConfigOperation = change.Operation,
                            }),
                        ],
                    },
                ],
            });
        return altered.Resources[0].Error;
    }
}
