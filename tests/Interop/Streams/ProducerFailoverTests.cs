using System.Globalization;
using System.Text.Json;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Streams;

/// <summary>The .NET producer, in the command line, towards three processes of which one is killed.</summary>
public sealed class ProducerFailoverTests
{
    private const int Keys = 10;
    private const int Pieces = 20;
    private const int PieceRecords = 100;

    private static readonly Dictionary<string, string> NoEnvironment = [];

    [Fact]
    public async Task While_a_leader_is_killed_nothing_is_lost_or_doubled_and_each_key_stays_in_order()
    {
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static _ => (NoEnvironment, []));
        string[] to = ["--node", cluster.Client(1), "--json"];
        await ProcessCluster.SucceedsAsync(["topic", "create", "t", "--partitions", "3", .. to]);
        var piece = $"seq $((i * {PieceRecords})) $((i * {PieceRecords} + {PieceRecords - 1}))";
        var lines = $"for i in $(seq 0 {Pieces - 1}); do {piece}; sleep 0.05; done";
        var keyed = $"awk '{{ print $1 % {Keys} \":\" $1; fflush() }}'";
        using var producing = AtollProcess.StartProgram(
            "/bin/sh", NoEnvironment, "-c",
            $"({lines}) | {keyed} | '{AtollProcess.Program}' topic produce t --key-separator : {string.Join(' ', to)}");
        List<JsonElement> places;
        do
        {
            var described = One(await ProcessCluster.SucceedsAsync(["topic", "describe", "t", .. to]));
            places = [.. described.GetProperty("partitions").EnumerateArray()];
        }
        while (places.Sum(static place => place.GetProperty("nextOffset").GetInt64()) < PieceRecords);
        var leaders = places.Select(static place => place.GetProperty("nodes")[0].GetString()!);
        cluster.Node(leaders.Select(static node => int.Parse(node, CultureInfo.InvariantCulture)).Max()).Dispose();
        Assert.True(await producing.EndsAsync() == 0, producing.Output);
        Assert.Equal(Pieces * PieceRecords, One(producing.Output).GetProperty("appended").GetInt64());
        var consumed = Rows(await ProcessCluster.SucceedsAsync(["topic", "consume", "t", .. to]))
            .GroupBy(static record => record.GetProperty("key").GetString()!, static record => record.GetProperty("value").GetString()!)
            .ToDictionary(static key => key.Key, static key => key.ToList());
        Assert.Equal(Keys, consumed.Count);
        foreach (var (key, values) in consumed)
        {
            var first = int.Parse(key, CultureInfo.InvariantCulture);
            Assert.Equal(
                Enumerable.Range(0, Pieces * PieceRecords / Keys).Select(i => (first + (i * Keys)).ToString(CultureInfo.InvariantCulture)),
                values);
        }
    }

    private static List<JsonElement> Rows(string output) =>
    [
        .. output.Split('\n').Where(static line => line.StartsWith('{')).Select(static line => JsonDocument.Parse(line).RootElement),
    ];

    private static JsonElement One(string output) => Assert.Single(Rows(output));
}
