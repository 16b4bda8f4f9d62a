using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Groups;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>The consumers in groups of a workload of streams.</summary>
internal sealed class GroupsWorkload : IStreamsPart
{
    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly Func<CallResult, bool> _endsWell;
    private readonly GroupRegisters _registers;
    private readonly List<GroupChecker> _groups = [];
    private readonly List<GroupConsumer> _consumers = [];

    public GroupsWorkload(
        SimCluster cluster, SpaceId space, WorkloadShape shape, Prng prng, GroupRegisters registers, Func<CallResult, bool> endsWell)
    {
        (_cluster, _space, _shape, _prng, _endsWell) = (cluster, space, shape, prng, endsWell);
        _registers = registers;
        for (var i = 0; i < shape.ConsumerGroups; i++)
        {
            _groups.Add(new GroupChecker($"g{i}", registers.Partitions, cluster.Ledger));
            for (var members = prng.NextInt(1, 4); members > 0; members--)
            {
                _consumers.Add(NewConsumer(_groups[i]));
            }
        }
    }

    /// <inheritdoc />
    public int Busy => _consumers.Count(static consumer => consumer.Loop.IsBusy);

    /// <inheritdoc />
    public void Start() => _consumers.ForEach(static consumer => consumer.Loop.Rest());

    /// <inheritdoc />
    public void Stop() => _consumers.ForEach(static consumer => consumer.Loop.Stop());

    /// <summary>A client that is no member commits for a group of its own, through a node, in each shard.</summary>
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        _cluster,
        _space,
        NewClient(),
        through,
        (shard, position) =>
        {
            var group = ProvingCalls.KeyIn(shard, $"probe{through.Id}-{position}-", GroupCommand.HashOf);
            var offset = new OffsetToCommit(new TopicPartition("topic", 0), new CommittedOffset(1, -1, null));
            return GroupsRequests.Write(_space, group, writer =>
                GroupCommand.Write(writer, new CommitOffsets(group, new MemberIdentity("", null), -1, [offset])));
        },
        done);

    /// <summary>Fetches every offset once more, and has a new member join each group: it must come to a generation.</summary>
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.BePatient();
        ProvingCalls.ReadAll(
            [
                .. _groups.SelectMany(group => Enumerable.Range(0, _registers.Partitions).Select(partition => new LastRead(
                    $"the offset of {group.Name} in partition {partition}",
                    ended => _registers.Fetch(client, _space, group.Name, -1, partition, _endsWell, ended)))),
            ],
            () => SettleAll(0, done));
    }

    private void SettleAll(int group, Action done)
    {
        if (group == _groups.Count)
        {
            done();
            return;
        }

        NewConsumer(_groups[group]).Settle(() => SettleAll(group + 1, done));
    }

    private GroupConsumer NewConsumer(GroupChecker group) => new(
        _cluster, _space, group, _registers, NewClient(), _prng.Fork(), 100 + _consumers.Count, _shape.ThinkMax, _endsWell);

    private SimClient NewClient() => _shape.NewClient(_cluster);
}
