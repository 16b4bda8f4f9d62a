using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Groups;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// A consumer in a group, as Kafka's clients are: it joins, gets its assignment from whoever leads the generation, says that it is there,
/// commits, and joins again when it is told to. Now and then it leaves, or dies without a word and starts anew.
/// </summary>
internal sealed class GroupConsumer
{
    private const string ProtocolType = "consumer";

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly GroupChecker _checker;
    private readonly GroupRegisters _registers;
    private readonly SimClient _client;
    private readonly Prng _prng;
    private readonly Func<CallResult, bool> _endsWell;
    private readonly string? _instance;
    private readonly int _number;
    private readonly int _sessionMilliseconds;
    private readonly Duration _linger;
    private Action _rest;
    private string _memberId = "";
    private int _generation = -1;
    private bool _skipsAssignment;
    private Instant _giveUpAt;
    private (MemberIdentity Identity, int Generation)? _former;

    public GroupConsumer(
        SimCluster cluster, SpaceId space, GroupChecker checker, GroupRegisters registers, SimClient client, Prng prng, int number,
        Duration thinkMax, Func<CallResult, bool> endsWell)
    {
        (_cluster, _space, _checker, _registers, _client, _prng, _endsWell) = (cluster, space, checker, registers, client, prng, endsWell);
        _number = number;
        _instance = prng.Chance(300_000) ? $"static{number}" : null;
        _sessionMilliseconds = prng.Pick([6_000, 6_000, 10_000]);
        _linger = Duration.FromMilliseconds(Math.Min(1_000, client.AttemptTimeout.Milliseconds / 2));
        Loop = new ClientLoop(cluster, client, number, prng, thinkMax) { Choices = Choices };
        _rest = Loop.Rest;
    }

    public ClientLoop Loop { get; }

    private MemberIdentity Identity => new(_memberId, _instance);

    private string Owner => _instance ?? _memberId;

    /// <summary>When nothing goes wrong any more, it becomes a member of a generation, in bounded time; then this is called.</summary>
    public void Settle(Action settled)
    {
        _rest = () =>
        {
            if (_generation >= 0)
            {
                settled();
            }
            else
            {
                Join();
            }
        };
        Join();
    }

    private (int Weight, Action Do)[] Choices() => _generation < 0
        ? [(20, Join), (3, FetchOffset), (1, CommitAsNobody), (2, CommitFormer)]
        : [(30, Heartbeat), (25, Commit), (12, FetchOffset), (2, Leave), (2, Die), (4, CommitFormer), (5, Join)];

    private void Join()
    {
        var former = _memberId.Length == 0 ? _checker.IdsOf(_instance) : [];
        var join = new JoinGroup(
            _checker.Name, Identity, _number % 2 == 0, $"c{_number}", "h", _sessionMilliseconds, 4_000, ProtocolType,
            [new GroupProtocol("range", default), new GroupProtocol("other", new byte[] { 1 })]);
        Write(writer => GroupCommand.Write(writer, join), result =>
        {
            if (result.Status is GroupStatus.Ok or GroupStatus.MemberIdRequired && _memberId.Length == 0)
            {
                _checker.NewMember(result.MemberId, _instance, former);
                _memberId = result.MemberId;
            }

            switch (result.Status)
            {
                case GroupStatus.Ok:
                    Becomes(-1);
                    _skipsAssignment = result.SkipsAssignment;
                    _giveUpAt = _cluster.Scheduler.Now + Duration.FromSeconds(20);
                    AwaitGeneration();
                    break;
                case GroupStatus.MemberIdRequired:
                    _rest();
                    break;
                default:
                    Refused("a join", result.Status);
                    break;
            }
        });
    }

    private void AwaitGeneration()
    {
        var floor = _checker.Generation;
        Read(writer => GroupQuery.WriteJoined(writer, _checker.Name, Identity), _linger, body =>
        {
            var joined = GroupJoined.TryRead(body) ?? throw Garbled();
            switch (joined.Status)
            {
                case GroupStatus.Ok:
                    _checker.Begun(joined, floor);
                    Sync(joined);
                    break;
                case GroupStatus.Waiting when _cluster.Scheduler.Now < _giveUpAt:
                    AwaitGeneration();
                    break;
                default:
                    Refused("a wait for a generation", joined.Status);
                    break;
            }
        });
    }

    private void Sync(GroupJoined joined)
    {
        var assigns = joined.Leader == _memberId && !_skipsAssignment;
        var sync = new SyncGroup(
            _checker.Name, Identity, joined.Generation, ProtocolType, joined.Protocol, assigns ? _checker.Assign(joined) : []);
        Write(writer => GroupCommand.Write(writer, sync), result =>
        {
            if (result.Status == GroupStatus.Ok)
            {
                AwaitAssignment(joined.Generation);
            }
            else
            {
                Refused("a sync", result.Status);
            }
        });
    }

    private void AwaitAssignment(int generation)
    {
        var floor = _checker.Generation;
        Read(writer => GroupQuery.WriteSynced(writer, _checker.Name, Identity, generation), _linger, body =>
        {
            var synced = GroupSynced.TryRead(body) ?? throw Garbled();
            switch (synced.Status)
            {
                case GroupStatus.Ok:
                    _checker.Assigned(generation, Owner, synced.Assignment, floor);
                    Becomes(generation);
                    _rest();
                    break;
                case GroupStatus.Waiting when _cluster.Scheduler.Now < _giveUpAt:
                    AwaitAssignment(generation);
                    break;
                default:
                    Refused("a wait for an assignment", synced.Status);
                    break;
            }
        });
    }

    private void Heartbeat()
    {
        var (floor, wasGone) = (_checker.Generation, _checker.Gone.Contains(_memberId));
        Read(writer => GroupQuery.WriteHeartbeat(writer, _checker.Name, Identity, _generation), Duration.Zero, body =>
        {
            var status = body.Length == 1 ? (GroupStatus)body.Span[0] : throw Garbled();
            if (status == GroupStatus.Ok)
            {
                _checker.Accepted("a heartbeat", Identity, _generation, floor, wasGone);
                _rest();
            }
            else
            {
                Refused("a heartbeat", status);
            }
        });
    }

    private void Commit() => Commit(Identity, _generation, status =>
    {
        if (status == GroupStatus.Ok)
        {
            _rest();
        }
        else
        {
            Refused("a commit", status);
        }
    });

    // Only a group without members takes that.
    private void CommitAsNobody() => Commit(new MemberIdentity("", null), -1, _ => _rest());

    private void CommitFormer()
    {
        if (_former is { } former)
        {
            Commit(former.Identity, former.Generation, _ => _rest());
        }
        else
        {
            _rest();
        }
    }

    private void Commit(MemberIdentity identity, int generation, Action<GroupStatus> answered)
    {
        var (floor, wasGone) = (_checker.Generation, _checker.Gone.Contains(identity.MemberId));
        var write = _registers.BeginCommit(_checker.Name, _number, _prng);
        var commit = new CommitOffsets(_checker.Name, identity, generation, [write.Offset]);
        _client.Call(GroupsRequests.Write(_space, _checker.Name, writer => GroupCommand.Write(writer, commit)), result =>
        {
            if (!_endsWell(result))
            {
                _registers.End(write, isDone: false, result.MayHaveTakenEffect);
                _rest();
                return;
            }

            var status = (GroupResult.TryRead(result.Response.Body) ?? throw Garbled()).Status;
            _registers.End(write, status == GroupStatus.Ok, mayHaveTakenEffect: false);
            if (status == GroupStatus.Ok)
            {
                _checker.Committed();
            }

            if (status == GroupStatus.Ok && generation >= 0)
            {
                _checker.Accepted("a commit", identity, generation, floor, wasGone);
            }

            answered(status);
        });
    }

    private void FetchOffset() => _registers.Fetch(_client, _space, _checker.Name, _number, _prng, _endsWell, _ => _rest());

    private void Leave()
    {
        var identity = Identity;
        Write(writer => GroupCommand.Write(writer, new LeaveGroup(_checker.Name, [identity])), result =>
        {
            if (result.Status == GroupStatus.Ok && result.Parts is [GroupStatus.Ok])
            {
                _checker.Left(identity.MemberId);
            }

            Die();
        });
    }

    private void Die()
    {
        Becomes(-1);
        _memberId = "";
        _rest();
    }

    private void Becomes(int generation)
    {
        _former = _generation >= 0 && generation < 0 ? (Identity, _generation) : _former;
        _generation = generation;
    }

    // What a client that is refused does: it joins again, as a new member when it is none any more.
    private void Refused(string what, GroupStatus status)
    {
        switch (status)
        {
            case GroupStatus.UnknownMember or GroupStatus.FencedInstance:
                Die();
                break;
            case GroupStatus.IllegalGeneration or GroupStatus.RebalanceInProgress or GroupStatus.Waiting:
                Becomes(-1);
                _rest();
                break;
            default:
                throw new SafetyViolationException($"group {_checker.Name}: {what} was answered {status}");
        }
    }

    private void Write(Action<WireWriter> command, Action<GroupResult> answered) =>
        _client.Call(GroupsRequests.Write(_space, _checker.Name, command), result =>
        {
            if (_endsWell(result))
            {
                answered(GroupResult.TryRead(result.Response.Body) ?? throw Garbled());
            }
            else
            {
                _rest();
            }
        });

    private void Read(Action<WireWriter> query, Duration linger, Action<ReadOnlyMemory<byte>> answered) =>
        _client.Call(GroupsRequests.Read(_space, _checker.Name, query, linger), result =>
        {
            if (_endsWell(result))
            {
                answered(result.Response.Body);
            }
            else
            {
                _rest();
            }
        });

    private static SafetyViolationException Garbled() => new("an answer of a group cannot be read");
}
