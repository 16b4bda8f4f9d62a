using System.Text;
using Atoll.Services.Streams;
using Xunit;

namespace Atoll.Services.Tests.Streams;

/// <summary>The records of a key stay together, whoever writes them.</summary>
public sealed class KeyPartitionerTests
{
    // What kafka-python 2.0.2 computes, which is what Kafka's Java client does.
    [Theory]
    [InlineData("", 275646681)]
    [InlineData("a", 584102524)]
    [InlineData("21", 1173551340)]
    [InlineData("abc", 479470107)]
    [InlineData("foobar", 1357151166)]
    [InlineData("a-little-bit-long-string", 1161502112)]
    [InlineData("key-17", 956945460)]
    public void A_key_is_in_the_partition_where_Kafkas_clients_look_for_it(string key, int hash)
    {
        foreach (var partitions in new[] { 1, 2, 3, 12, 1000, int.MaxValue })
        {
            Assert.Equal(hash % partitions, KeyPartitioner.PartitionOf(Encoding.ASCII.GetBytes(key), partitions));
        }
    }
}
