using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, row 17: what a watch tells, across crashes, snapshots and changes of leader.</summary>
public sealed class WatchMuseum
{
    private const ulong Seed = 7;

    [Fact]
    public void Row_17_A_watch_that_resumes_misses_nothing_and_repeats_nothing() => WatchThroughCrashes(Sabotage.None);

    [Fact]
    public void Row_17_is_caught_when_a_resume_skips_a_change() =>
        Exhibit.IsCaught<SafetyViolationException>("changes", () => WatchThroughCrashes(Sabotage.WatchSkipsOne));

    [Fact]
    public void Row_17_is_caught_when_a_resume_repeats_a_change() =>
        Exhibit.IsCaught<SafetyViolationException>("the watch tells of version", () => WatchThroughCrashes(Sabotage.WatchRepeatsOne));

    // etcd#15271, #17529, #18089, #19179, #20221.
    private static void WatchThroughCrashes(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { SnapshotAfterLogBytes = 2_048, LogEntriesKept = 8 });
        var writer = scene.NewClient();
        var watcher = scene.Cluster.NewClient();
        var (through, last, changes) = (HybridTime.Zero, HybridTime.Zero, 0);
        var value = 0;
        for (var round = 0; round < 24; round++)
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(OperationOutcome.Ok, writer.Put($"k{value % 4}", ++value));
            }

            if (round % 4 == 0)
            {
                var node = scene.Cluster.Node((round / 4 % 3) + 1);
                node.LosePower();
                scene.Run(300);
                node.Start();
            }

            watcher.Home = scene.Cluster.Node((round % 3) + 1);
            var answer = watcher.CallAndWait(RecordsRequests.Changes(scene.Shard, "k", through, Duration.FromMilliseconds(100)));
            Check.That(answer.Response.Status == ResponseStatus.Ok);
            Check.That(RecordsResultCodec.TryReadChanges(answer.Response.Body, out var page) && page.Status == RecordsStatus.Ok);
            foreach (var change in page.Changes)
            {
                if (change.Version <= last)
                {
                    throw new SafetyViolationException($"the watch tells of version {change.Version} after {last}");
                }

                last = change.Version;
                changes++;
            }

            through = page.Through;
            if (changes != value)
            {
                throw new SafetyViolationException($"{value} writes were acknowledged, but the watch told of {changes} changes");
            }
        }
    }
}
