using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>
/// Members that come, go, start anew, are silent, do not hear answers and read more or less, at random: at no time do two of them read a
/// partition, and when nothing happens any more each partition is read by one, as evenly as can be.
/// </summary>
public sealed class AssignedGroupModelTests
{
    private const int Steps = 400;
    private const int MembersMax = 8;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void No_partition_is_read_by_two_and_in_the_end_each_by_one(int seed)
    {
        var run = new Run(seed);
        for (var step = 0; step < Steps; step++)
        {
            run.Step();
            run.CheckThatNobodyReadsWhatAnotherReads();
        }

        run.Settle();
    }

    private sealed class Run(int seed)
    {
        private static readonly string[] Names = ["x", "y", "z"];

        private readonly Random _random = new(seed);
        private readonly GroupReplica _groups = new();
        private readonly Dictionary<string, Client> _clients = [];
        private readonly SortedDictionary<string, TopicShape> _topics = new(StringComparer.Ordinal)
        {
            ["x"] = new TopicShape(Id(1), 5), ["y"] = new TopicShape(Id(2), 1),
        };

        private ulong _version = 1;
        private int _made;

        public void Step()
        {
            switch (_random.Next(20))
            {
                case < 2 when _clients.Count < MembersMax:
                    var client = new Client($"m{_made++}", _random.Next(4) == 0 ? $"i{_made}" : null, Pick());
                    _clients.Add(client.Id, client);
                    break;
                case 2 when _clients.Count > 0:
                    Leave(Any());
                    break;
                case 3 when _clients.Count > 0:
                    // It is gone without a word, or its client does not know yet that it is out: what that one reads is void.
                    var silent = Any();
                    _groups.Expire("g", 0, silent.Id);
                    _clients.Remove(silent.Id);
                    break;
                case 4 when _clients.Count > 0:
                    Any().Topics = Pick();
                    break;
                case 5:
                    Grow();
                    break;
                case 6 when _groups.Machine.Find("g") is { IsPhaseTimed: true } group:
                    var late = group.Assigned!.Members.Values.Where(static member => !member.Revoking.IsEmpty);
                    foreach (var id in late.Select(static member => member.Id).ToArray())
                    {
                        _clients.Remove(id);
                    }

                    _groups.EndPhase("g");
                    break;
                case 7 when _clients.Count > 0 && Any() is { Instance: not null, Epoch: > 0 } leaving:
                    StartAnew(leaving);
                    break;
                default:
                    if (_clients.Count > 0)
                    {
                        Beat(Any(), isHeard: _random.Next(5) > 0);
                    }

                    break;
            }
        }

        public void CheckThatNobodyReadsWhatAnotherReads()
        {
            var read = _clients.Values.SelectMany(static client => client.Owned).ToList();
            Assert.Equal(read.Count, read.Distinct().Count());
        }

        public void Settle()
        {
            // Static members that went for now, and whose successors never came.
            var left = _groups.Machine.Find("g")?.Assigned?.Members.Keys.Where(id => !_clients.ContainsKey(id)).ToArray() ?? [];
            if (left.Length > 0)
            {
                _groups.Expire("g", 0, left);
            }

            for (var round = 0; round < 12; round++)
            {
                foreach (var client in _clients.Values)
                {
                    Beat(client, isHeard: true);
                    CheckThatNobodyReadsWhatAnotherReads();
                }
            }

            foreach (var (name, shape) in _topics.Where(topic => _clients.Values.Any(client => client.Topics.Contains(topic.Key))))
            {
                var partitions = Enumerable.Range(0, shape.Partitions).Select(i => new PartitionId(shape.Id, i));
                Assert.All(partitions, partition => Assert.Single(
                    _clients.Values, client => client.Owned.Contains(partition) && client.Topics.Contains(name)));
            }

            if (_clients.Count > 0)
            {
                Assert.True(_groups.Group("g").Assigned!.IsSettled);
                _groups.Restored();
                if (_clients.Values.All(client => client.Topics.SequenceEqual(_clients.Values.First().Topics)))
                {
                    Assert.InRange(
                        _clients.Values.Max(static client => client.Owned.Count) - _clients.Values.Min(static client => client.Owned.Count),
                        0, 1);
                }
            }
        }

        private static Guid Id(int number) => new(number, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);

        private Client Any() => _clients.Values.ElementAt(_random.Next(_clients.Count));

        private string[] Pick() => seed % 2 == 0 ? ["x", "y"] : [.. Names.Where(_ => _random.Next(2) == 0).DefaultIfEmpty("x")];

        private void Grow()
        {
            var name = Names[_random.Next(Names.Length)];
            _topics[name] = _topics.TryGetValue(name, out var shape)
                ? shape with { Partitions = Math.Min(12, shape.Partitions + 1) } : new TopicShape(Id(3), 4);
            _version++;
        }

        private void Leave(Client client)
        {
            _clients.Remove(client.Id);
            Send(new ConsumerHeartbeat("g", client.Id, HeartbeatEpochs.Leave) { InstanceId = client.Instance });
        }

        private void StartAnew(Client client)
        {
            Send(new ConsumerHeartbeat("g", client.Id, HeartbeatEpochs.LeaveForNow) { InstanceId = client.Instance });
            _clients.Remove(client.Id);
            var next = new Client($"m{_made++}", client.Instance, client.Topics);
            _clients.Add(next.Id, next);
        }

        // A client that heard nothing says everything the next time; one that is fenced lets go and joins again.
        private void Beat(Client client, bool isHeard)
        {
            var facts = new TopicFacts(
                _version, [], [.. _topics.Where(topic => client.Topics.Contains(topic.Key))]);
            var view = Send(new ConsumerHeartbeat("g", client.Id, client.Epoch)
            {
                InstanceId = client.Instance, Names = client.Topics, Owned = [.. client.Owned], RebalanceMilliseconds = 1_000,
                Facts = facts,
            });
            if (!isHeard)
            {
                return;
            }

            if (view.Status != GroupStatus.Ok)
            {
                Assert.Contains(view.Status, new[] { GroupStatus.FencedEpoch, GroupStatus.UnknownMember });
                (client.Epoch, client.Owned) = (HeartbeatEpochs.Join, []);
                return;
            }

            client.Epoch = view.Epoch;
            client.Owned = view.Assigned is null ? client.Owned : [.. view.Assigned];
        }

        private AssignedView Send(ConsumerHeartbeat beat) => _groups.Send(writer => GroupCommand.Write(writer, beat)).View!;
    }

    private sealed class Client(string id, string? instance, string[] topics)
    {
        public string Id { get; } = id;

        public string? Instance { get; } = instance;

        public string[] Topics { get; set; } = topics;

        public int Epoch { get; set; }

        public HashSet<PartitionId> Owned { get; set; } = [];
    }
}
