using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Replicas;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Node.Tests.Replicas;

public sealed class VersionHorizonTests
{
    private static readonly Duration Window = Duration.FromSeconds(60);

    private readonly InMemoryStateTree _tree = new();
    private readonly ReplicatedState _state;

    public VersionHorizonTests() => _state = new ReplicatedState(new RecordsStateMachine(_tree), new RequestTableOptions());

    [Fact]
    public void The_horizon_follows_the_states_time_at_the_windows_distance()
    {
        AdvanceTo(1_000_000);
        var horizon = new VersionHorizon(_tree, _state, Window);
        Assert.Equal(940_000, _tree.Horizon.UnixMilliseconds);
        AdvanceTo(2_000_000);
        horizon.Tick(Instant.Zero + Duration.FromSeconds(2), hasRoom: true);
        Assert.Equal(1_940_000, _tree.Horizon.UnixMilliseconds);
    }

    [Fact]
    public void Without_a_window_nothing_is_kept_but_what_is_read()
    {
        AdvanceTo(1_000_000);
        var horizon = new VersionHorizon(_tree, _state, Duration.Zero);
        Assert.Equal(HybridTime.Max, _tree.Horizon);
        horizon.Pin(_state.Now, Instant.Zero);
        Assert.Equal(_state.Now, _tree.Horizon);
    }

    [Fact]
    public void A_time_that_is_read_stays_until_nobody_has_read_at_it_for_a_while()
    {
        AdvanceTo(1_000_000);
        var horizon = new VersionHorizon(_tree, _state, Window);
        var at = _state.Now;
        var now = Instant.Zero + Duration.FromSeconds(1);
        horizon.Pin(at, now);
        AdvanceTo(5_000_000);
        now += VersionHorizon.PinnedFor - Duration.FromSeconds(1);
        horizon.Tick(now, hasRoom: true);
        Assert.Equal(at, _tree.Horizon);

        horizon.Pin(at, now);
        now += VersionHorizon.PinnedFor - Duration.FromSeconds(1);
        horizon.Tick(now, hasRoom: true);
        Assert.Equal(at, _tree.Horizon);

        horizon.Tick(now + Duration.FromSeconds(2), hasRoom: true);
        Assert.Equal(4_940_000, _tree.Horizon.UnixMilliseconds);
    }

    [Fact]
    public void Neither_the_future_nor_the_distant_past_nor_too_many_times_are_held()
    {
        AdvanceTo(1_000_000_000);
        var horizon = new VersionHorizon(_tree, _state, Window);
        horizon.Pin(HybridTime.Max, Instant.Zero);
        horizon.Pin(_state.Now.Add(Duration.Zero - VersionHorizon.PinnedBackMax - Duration.FromSeconds(1)), Instant.Zero);
        Assert.Equal(999_940_000, _tree.Horizon.UnixMilliseconds);
        for (var i = 0; i <= VersionHorizon.PinsMax; i++)
        {
            horizon.Pin(_state.Now.Add(Duration.FromSeconds(-100 - i)), Instant.Zero);
        }

        Assert.Equal(_state.Now.Add(Duration.FromSeconds(-100 - VersionHorizon.PinsMax + 1)), _tree.Horizon);
    }

    [Fact]
    public void Without_room_on_the_disk_only_what_is_read_is_kept()
    {
        AdvanceTo(1_000_000);
        var horizon = new VersionHorizon(_tree, _state, Window);
        horizon.Tick(Instant.Zero, hasRoom: false);
        Assert.Equal(HybridTime.Max, _tree.Horizon);
        horizon.Pin(_state.Now, Instant.Zero);
        Assert.Equal(_state.Now, _tree.Horizon);
        horizon.Tick(Instant.Zero, hasRoom: true);
        Assert.Equal(940_000, _tree.Horizon.UnixMilliseconds);
    }

    private void AdvanceTo(long milliseconds)
    {
        var command = new WireWriter();
        RecordsCommand.WriteAdvance(command);
        var payload = CommandEnvelope.Encode(
            HybridTime.FromUnixMilliseconds(milliseconds), RequestIdentity.None, command.Written, new WireWriter());
        _state.Apply(new LogEntry(_state.AppliedIndex.Next, new Term(1), EntryKind.Command, payload), new WireWriter());
    }
}
