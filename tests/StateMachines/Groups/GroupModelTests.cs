using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Groups;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>
/// Members that do anything in any order, and coordinators that say at any time that something is over, against what the members were told:
/// a generation has one assignment, and offsets are what the last accepted commit said. Replicas that begin with a snapshot go on equally.
/// </summary>
public sealed class GroupModelTests
{
    private const int Steps = 500;

    public static TheoryData<ulong> Seeds => new(Enumerable.Range(1, 15).Select(seed => (ulong)seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Nobody_owns_what_another_owns_and_no_offset_goes_back_unasked(ulong seed)
    {
        var random = new Prng(seed);
        var groups = new GroupReplica();
        var model = new Model(random);
        for (var step = 0; step < Steps; step++)
        {
            model.Step(groups);
            model.Check(groups);
            if (random.Chance(30_000))
            {
                groups = groups.Restored();
            }
        }

        Assert.True(model.Generations > 5);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_snapshot_that_is_garbled_is_refused_or_a_state(ulong seed)
    {
        var random = new Prng(seed);
        var groups = new GroupReplica();
        var model = new Model(random);
        for (var step = 0; step < 60; step++)
        {
            model.Step(groups);
        }

        var source = groups.Machine.BeginSnapshot();
        var writer = new WireWriter();
        Assert.True(source.TryNext(writer));
        for (var round = 0; round < 100; round++)
        {
            var garbled = writer.ToArray();
            garbled[random.NextInt(0, garbled.Length - 1)] ^= (byte)random.NextInt(1, 255);
            var machine = new GroupsStateMachine();
            var target = machine.BeginRestore(groups.Replica.State.Now, null);
            if (target.Accept(garbled) && target.Complete())
            {
                target.Install();
                Assert.True(machine.BeginSnapshot().TryNext(new WireWriter()));
            }
            else
            {
                Assert.NotNull(target.Error);
            }
        }

        var cut = new GroupsStateMachine().BeginRestore(groups.Replica.State.Now, null);
        Assert.True(cut.Accept(writer.ToArray().AsMemory(0, writer.Length - 1)));
        Assert.False(cut.Complete());
    }

    private sealed class Model(Prng random)
    {
        private const int Partitions = 6;

        private readonly List<(string Id, string? Instance)> _members = [];
        private readonly Dictionary<int, string> _assignments = [];
        private readonly HashSet<string> _gone = [];
        private long _offset = -1;

        public int Generations => _assignments.Count;

        public void Step(GroupReplica groups)
        {
            var group = groups.Machine.Find("g");
            var there = random.Chance(150_000) ? _members
                : _members.FindAll(member =>
                    group is not null && (group.Members.ContainsKey(member.Id) || group.Pending.ContainsKey(member.Id)));
            var (id, instance) = there.Count == 0 ? ("nobody", null) : there[random.NextInt(0, there.Count - 1)];
            var generation = random.Chance(100_000) ? random.NextInt(-1, 4) : group?.Generation ?? 0;
            switch (random.NextInt(0, 24))
            {
                case 0 when there.Count < 5:
                    var newInstance = random.Chance(300_000) ? $"i{random.NextInt(0, 2)}" : null;
                    var joined = groups.Join("g", instance: newInstance, isKnown: random.Chance(500_000));
                    Assert.True(joined.Status is GroupStatus.Ok or GroupStatus.MemberIdRequired);
                    Assert.DoesNotContain(_members, member => member.Id == joined.MemberId);
                    _members.Add((joined.MemberId, newInstance));
                    break;
                case 1 or 2 or 3 or 4 or 5 or 6:
                    groups.Join("g", id, instance);
                    break;
                case 7 or 8 or 9 or 10 or 11 or 12:
                    Sync(groups, id, instance, generation);
                    break;
                case 13:
                    groups.Leave("g", new MemberIdentity(id, instance));
                    break;
                case 14 or 15 when group is not null:
                    groups.Expire("g", group.Phase - (random.Chance(300_000) ? 1 : 0));
                    break;
                case 17 when group is not null:
                    Settle(groups, group);
                    break;
                case 16 when random.Chance(500_000):
                    groups.Expire("g", 0, id);
                    break;
                default:
                    Commit(groups, id, instance, generation);
                    break;
            }
        }

        public void Check(GroupReplica groups)
        {
            Assert.Equal(_offset, groups.Committed("g").Offset);
            if (groups.Machine.Find("g") is not { } group)
            {
                return;
            }

            // Who is out stays out.
            _gone.UnionWith(_members.Select(static member => member.Id)
                .Where(id => !group.Members.ContainsKey(id) && !group.Pending.ContainsKey(id)));
            Assert.DoesNotContain(group.Members.Keys, _gone.Contains);
            if (group.State != GroupState.Stable)
            {
                return;
            }

            // Of each generation there is one assignment, and what it gives to members is given once.
            var owned = group.Members.Values.SelectMany(static member => member.Assignment.ToArray()).ToArray();
            Assert.Equal(owned.Distinct(), owned);
            var all = string.Join(' ', owned.Order());
            Assert.True(_assignments.TryAdd(group.Generation, all) || _assignments[group.Generation] == all);
        }

        // Everybody does what is to be done.
        private void Settle(GroupReplica groups, ConsumerGroup group)
        {
            foreach (var (_, member) in group.Members)
            {
                groups.Join("g", member.Id, member.Identity.InstanceId);
            }

            groups.Expire("g", groups.Group("g").IsGathering || !group.Pending.IsEmpty ? groups.Group("g").Phase : 0);
            if (groups.Group("g") is { State: GroupState.CompletingRebalance } ready)
            {
                Sync(groups, ready.Leader, ready.Members[ready.Leader].Identity.InstanceId, ready.Generation);
            }
        }

        private void Sync(GroupReplica groups, string id, string? instance, int generation)
        {
            var group = groups.Machine.Find("g");
            var isNext = group is { State: GroupState.CompletingRebalance } && group.Leader == id && group.Generation == generation;
            var members = group?.Members.Keys.ToArray() ?? [];
            var assignments = Enumerable.Range(0, members.Length == 0 ? 0 : Partitions)
                .GroupBy(_ => members[random.NextInt(0, members.Length - 1)])
                .Select(static given => new MemberAssignment(given.Key, given.Select(static partition => (byte)partition).ToArray()));
            var status = groups.Send(writer => GroupCommand.Write(writer, new SyncGroup(
                "g", new MemberIdentity(id, instance), generation, null, null, [.. assignments]))).Status;
            Assert.Equal(isNext && status == GroupStatus.Ok, isNext && groups.Group("g").State == GroupState.Stable);
        }

        private void Commit(GroupReplica groups, string id, string? instance, int generation)
        {
            var group = groups.Machine.Find("g");
            var offset = random.NextInt(0, 1000);
            var isMember = group is not null && group.Generation == generation && group.State != GroupState.CompletingRebalance
                && group.Members.TryGetValue(id, out var member) && member.Identity.InstanceId == instance;
            var isTool = generation < 0 && (group is null || group.Members.IsEmpty);
            var status = groups.Commit("g", id, generation, offset, instance);
            Assert.Equal(isMember || isTool, status == GroupStatus.Ok);
            _offset = status == GroupStatus.Ok ? offset : _offset;
        }
    }
}
