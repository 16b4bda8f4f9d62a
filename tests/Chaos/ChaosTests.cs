using Xunit;

// Each scenario has the machine to itself: their processes would starve each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Atoll.Chaos.Tests;

/// <summary>Real processes, real disks, real faults; see docs/architecture.md for what this layer proves.</summary>
public sealed class ChaosTests
{
    [Fact]
    public Task Three_nodes_survive_kills_of_leaders_and_followers_and_at_last_of_all_at_once() => ChaosRun.RunAsync(
        "kills, 3 nodes", 3,
        (faults, prng) => prng.Chance(700_000) ? faults.KillLeaderAsync() : faults.KillFollowerAsync(),
        faults => faults.KillAllAsync());

    [Fact]
    public Task Five_nodes_survive_kills_of_leaders_and_followers() => ChaosRun.RunAsync(
        "kills, 5 nodes", 5,
        (faults, prng) => prng.Chance(700_000) ? faults.KillLeaderAsync() : faults.KillFollowerAsync());

    [Fact]
    public Task A_leader_that_slept_through_an_election_wakes_up_and_harms_nothing() => ChaosRun.RunAsync(
        "pauses, 3 nodes", 3, (faults, _) => faults.PauseLeaderAsync());

    [Fact]
    public Task Nodes_may_be_restarted_one_after_the_other() => ChaosRun.RunAsync(
        "restarts, 3 nodes", 3, (faults, _) => faults.RestartLeaderAsync());

    [Fact]
    public Task Links_may_be_cut_in_both_directions() => ChaosRun.RunAsync(
        "two-way cuts, 3 nodes", 3,
        (faults, prng) => prng.Chance(600_000) ? faults.IsolateLeaderAsync() : faults.CutOneLinkAsync(),
        needsCuts: true);

    [Fact]
    public Task Links_may_be_cut_in_one_direction() => ChaosRun.RunAsync(
        "one-way cuts, 3 nodes", 3,
        (faults, prng) => prng.Chance(500_000) ? faults.MuteLeaderAsync() : faults.DeafenLeaderAsync(),
        needsCuts: true);

    [Fact]
    public Task All_faults_may_follow_each_other_in_any_order() => ChaosRun.RunAsync(
        "mixed, 5 nodes", 5,
        (faults, prng) => prng.NextInt(0, 6) switch
        {
            0 => faults.KillLeaderAsync(),
            1 => faults.KillFollowerAsync(),
            2 => faults.PauseLeaderAsync(),
            3 => faults.IsolateLeaderAsync(),
            4 => faults.CutOneLinkAsync(),
            5 => faults.MuteLeaderAsync(),
            _ => faults.DeafenLeaderAsync(),
        },
        needsCuts: true);
}
