using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 18, 19 and 20: one effect for each request, one owner for each lock, no update lost.</summary>
public sealed class RequestMuseum
{
    private const ulong Seed = 6;

    [Fact]
    public void Row_18_A_lock_holder_that_stood_still_cannot_write_with_its_old_token() => LockWithPauses(Sabotage.None);

    [Fact]
    public void Row_18_is_caught_when_the_token_is_not_compared() =>
        Exhibit.IsCaught<SafetyViolationException>("two owners of one lock", () => LockWithPauses(Sabotage.IgnoresExpectedVersions));

    [Fact]
    public void Row_19_A_request_retried_after_a_leader_change_has_one_effect() => RetryAcrossLeaders(Sabotage.None);

    [Fact]
    public void Row_19_is_caught_when_answers_are_forgotten() =>
        Exhibit.IsCaught<SafetyViolationException>("not linearizable", () => RetryAcrossLeaders(Sabotage.ForgetsAnswers));

    [Fact]
    public void Row_19_A_retry_that_is_older_than_what_is_remembered_is_refused() => RetryAfterTheAnswerIsForgotten(Sabotage.None);

    [Fact]
    public void Row_19_is_caught_when_an_expired_retry_is_taken_for_new() =>
        Exhibit.IsCaught<SafetyViolationException>(
            "not linearizable", () => RetryAfterTheAnswerIsForgotten(Sabotage.TakesExpiredForNew));

    [Fact]
    public void Row_20_Of_two_updates_from_one_version_one_wins_on_a_single_node() => ConcurrentUpdates(Sabotage.None);

    [Fact]
    public void Row_20_is_caught_when_versions_are_not_compared() =>
        Exhibit.IsCaught<SafetyViolationException>("not linearizable", () => ConcurrentUpdates(Sabotage.IgnoresExpectedVersions));

    // etcd 3.4.3, Hazelcast 3.8.3. A lock is a record with a time to live; its version is the fencing token; whoever writes the resource
    // names the token in the same batch. Owners stand still at the worst moments.
    private static void LockWithPauses(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var prng = new Prng(Seed);
        var client = scene.Cluster.NewClient();
        var tokens = new HybridTime[3];
        var highest = HybridTime.Zero;
        var (acquired, written, refused) = (0, 0, 0);
        for (var step = 0; step < 120; step++)
        {
            var owner = prng.NextInt(0, 2);
            if (tokens[owner] == HybridTime.Zero)
            {
                var attempt = Write(client, RecordsRequests.Put(scene.Space, "lock", [(byte)owner], HybridTime.Zero, timeToLiveMs: 1_000));
                tokens[owner] = attempt.Status == RecordsStatus.Ok ? attempt.Version : HybridTime.Zero;
                acquired += attempt.Status == RecordsStatus.Ok ? 1 : 0;
            }
            else if (prng.Chance(500_000))
            {
                scene.Run(prng.NextInt(100, 900));
            }
            else
            {
                var guarded = Write(client, RecordsRequests.Batch(scene.Space, [
                    RecordOperation.Check("lock"u8.ToArray(), tokens[owner]),
                    RecordOperation.Put("resource"u8.ToArray(), Encoding.UTF8.GetBytes($"{owner}"))]));
                if (guarded.Status != RecordsStatus.Ok)
                {
                    refused++;
                    tokens[owner] = HybridTime.Zero;
                }
                else if (tokens[owner] < highest)
                {
                    throw new SafetyViolationException(
                        $"owner {owner} writes with token {tokens[owner]} after somebody wrote with {highest}: two owners of one lock");
                }
                else
                {
                    written++;
                    highest = tokens[owner];
                }
            }
        }

        Assert.True(acquired > 3 && written > 3 && refused > 3);
    }

    private static void RetryAcrossLeaders(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var leader = scene.Leader;
        var other = scene.NewClient(through: scene.Others(leader)[0]);
        var unlucky = scene.NewClient(through: leader);
        unlucky.Client.AttemptTimeout = Duration.FromSeconds(4);
        var applied = scene.Cluster.Checker.LastApplied(scene.Shard);
        var delivered = scene.Cluster.ClientNetwork.RequestsDelivered;
        var put = unlucky.BeginPut("k", 1);
        scene.Await(() => scene.Cluster.ClientNetwork.RequestsDelivered > delivered, "the write has come to the leader");

        // Its answer is lost; and then so is the leader.
        scene.Cluster.ClientNetwork.LossPartsPerMillion = 1_000_000;
        scene.Await(() => scene.Cluster.Checker.LastApplied(scene.Shard) > applied, "the write is applied");
        scene.Run(20);
        scene.Cluster.ClientNetwork.LossPartsPerMillion = 0;
        scene.Cluster.Node(leader).LosePower();
        unlucky.Client.Home = null;
        Assert.Equal(1, other.Get("k")!.Value.Value);
        Assert.Equal(OperationOutcome.Ok, other.Put("k", 2));
        Assert.False(put.IsOver);
        unlucky.Wait(put);
        Assert.Equal(OperationOutcome.Ok, put.Operation.Outcome);
        other.Get("k");
        scene.CheckHistory();
    }

    // The second half of row 19: the session that the request was remembered under has expired when the retry comes.
    private static void RetryAfterTheAnswerIsForgotten(Sabotage planted)
    {
        var scene = new Scene(Seed, planted);
        var leader = scene.Leader;
        var other = scene.NewClient(through: scene.Others(leader)[0]);
        var patient = scene.NewClient(through: leader);
        patient.Client.AttemptTimeout = Duration.FromSeconds(700);
        patient.Patience = Duration.FromSeconds(1_000);
        var applied = scene.Cluster.Checker.LastApplied(scene.Shard);
        var delivered = scene.Cluster.ClientNetwork.RequestsDelivered;
        var put = patient.BeginPut("k", 1);
        scene.Await(() => scene.Cluster.ClientNetwork.RequestsDelivered > delivered, "the write has come to the leader");
        scene.Cluster.ClientNetwork.LossPartsPerMillion = 1_000_000;
        scene.Await(() => scene.Cluster.Checker.LastApplied(scene.Shard) > applied, "the write is applied");
        scene.Run(20);
        scene.Cluster.ClientNetwork.LossPartsPerMillion = 0;
        Assert.Equal(1, other.Get("k")!.Value.Value);
        scene.Run(650_000);
        Assert.Equal(OperationOutcome.Ok, other.Put("k", 2));
        Assert.False(put.IsOver);
        patient.Wait(put);
        other.Get("k");
        scene.CheckHistory();
        Assert.Equal(OperationOutcome.Unknown, put.Operation.Outcome);
    }

    // RavenDB 6.0.2: one healthy node, default settings.
    private static void ConcurrentUpdates(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape { Nodes = 1, DirectoryReplicas = 1 }, replicas: 1);
        var clients = new[] { scene.NewClient(), scene.NewClient(), scene.NewClient() };
        clients[0].Put("k", 1);
        for (var round = 1; round <= 20; round++)
        {
            var version = clients[0].Get("k")!.Value.Version;
            var updates = clients.Select((client, i) => (Client: client, Put: client.BeginPut("k", (round * 10) + i, version))).ToList();
            updates.ForEach(update => update.Client.Wait(update.Put));
            clients[1].Get("k");
            scene.CheckHistory();
            Assert.Single(updates, update => update.Put.Operation.Outcome == OperationOutcome.Ok);
        }
    }

    private static WriteResult Write(SimClient client, Request request)
    {
        var result = client.CallAndWait(request);
        Check.That(result.Response.Status == ResponseStatus.Ok);
        Check.That(RecordsResultCodec.TryReadWrite(result.Response.Body, out var write));
        return write;
    }
}
