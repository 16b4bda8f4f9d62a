using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Confluent.Kafka administers a cluster, as admin.py does, while brokers die and links are cut: in each round a topic is made, grown,
/// configured and deleted, and a group's offset is set and set back.
/// </summary>
/// <param name="client">Of the cluster.</param>
internal sealed class DotNetAdministrator(DotNetClient client) : IDisposable
{
    private const string Retention = "retention.ms";
    private const string Group = "dotnet-administrators";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Call = TimeSpan.FromSeconds(5);

    private readonly IAdminClient _admin = client.Admin();
    private readonly List<string> _failures = [];
    private int _rounds;

    /// <summary>One round; each step is asked for until it can be seen, since an answer may be lost, and who is asked may die.</summary>
    public async Task RoundAsync()
    {
        var topic = $"dotnet-administered-{_rounds++}";
        var retentionMs = (3_600_000 + _rounds).ToString(CultureInfo.InvariantCulture);
        await InsistAsync(
            $"{topic} is made", () => DotNetClient.CreateAsync(_admin, topic, 2), () => Task.FromResult(PartitionsOf(topic) == 2));
        await InsistAsync(
            $"{topic} is grown",
            () => _admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = 3 }]),
            () => Task.FromResult(PartitionsOf(topic) == 3));
        var resource = new ConfigResource { Type = ResourceType.Topic, Name = topic };
        await InsistAsync(
            $"{topic} is configured",
            () => _admin.AlterConfigsAsync(new() { [resource] = [new ConfigEntry { Name = Retention, Value = retentionMs }] }),
            async () => (await _admin.DescribeConfigsAsync([resource]))[0].Entries[Retention].Value == retentionMs);
        using (var reader = client.Consumer(Group))
        {
            foreach (var offset in new Offset[] { 10, 3 })
            {
                await InsistAsync(
                    $"{Group} is set to {offset}",
                    () => Task.Run(() => reader.Commit([new TopicPartitionOffset(topic, 0, offset)])),
                    () => Task.FromResult(reader.Committed([new TopicPartition(topic, 0)], Call)[0].Offset == offset));
            }
        }

        await InsistAsync(
            $"{topic} is deleted", () => _admin.DeleteTopicsAsync([topic]), () => Task.FromResult(PartitionsOf(topic) is null));
    }

    /// <inheritdoc />
    public override string ToString() => $"dotnet, administering: {_rounds} rounds; {string.Join("; ", _failures)}";

    /// <inheritdoc />
    public void Dispose() => _admin.Dispose();

    private int? PartitionsOf(string topic) =>
        _admin.GetMetadata(Call).Topics.SingleOrDefault(each => each.Topic == topic)?.Partitions.Count;

    private async Task InsistAsync(string what, Func<Task> callAsync, Func<Task<bool>> isSoAsync)
    {
        var until = DateTime.UtcNow + Patience;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            try
            {
                await callAsync();
            }
            catch (KafkaException failure)
            {
                _failures.Add($"{what}: {failure.Message}");
            }

            try
            {
                if (await isSoAsync())
                {
                    return;
                }
            }
            catch (KafkaException failure)
            {
                _failures.Add($"{what}? {failure.Message}");
            }

            Assert.True(DateTime.UtcNow < until, $"not in time: {what}: {this}");
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }
}
