using System.Collections.Concurrent;
using System.Collections.Frozen;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams;

/// <summary>
/// Who leads partitions, of a node's own loops: each says what its replicas take for their leaders. They are asked when somebody wants to
/// know, and not more often than a moment lasts.
/// </summary>
/// <param name="port">The node.</param>
/// <param name="loops">How many loops it has.</param>
/// <param name="time">Clock and timers.</param>
public sealed class PartitionLeaders(IRequestPort port, int loops, TimeProvider time) : IPartitionLeaders
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    // While the loops are asked, what they said before is good enough for so long.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AskedMoment = TimeSpan.FromSeconds(1);
    private static readonly Duration AskTimeout = Duration.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<ShardId, (PartitionLeader Leader, long At)> _asked = new();
    private Task<LeaderView>? _looking;
    private LeaderView _seen = LeaderView.Empty;
    private long _seenAt = long.MinValue;

    /// <inheritdoc />
    public ValueTask<LeaderView> ViewAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var age = _seenAt == long.MinValue ? TimeSpan.MaxValue : time.GetElapsedTime(_seenAt);
            if (age <= Moment)
            {
                return new ValueTask<LeaderView>(_seen);
            }

            _looking = _looking is { IsCompleted: false } ? _looking : LookAsync();
            return age <= Patience
                ? new ValueTask<LeaderView>(_seen)
                : new ValueTask<LeaderView>(_looking.WaitAsync(cancellationToken));
        }
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
        IReadOnlyList<ShardInfo> shards, CancellationToken cancellationToken)
    {
        var found = await Task.WhenAll(shards.Select(shard => AskAsync(shard.Id))).WaitAsync(cancellationToken).ConfigureAwait(false);
        return shards.Zip(found).ToDictionary(static pair => pair.First.Id, static pair => pair.Second);
    }

    private async Task<PartitionLeader> AskAsync(ShardId shard)
    {
        if (_asked.TryGetValue(shard, out var known) && time.GetElapsedTime(known.At) < AskedMoment)
        {
            return known.Leader;
        }

        var answer = await SubmitAsync(new Request { Kind = RequestKind.ReadIndex, Shard = shard, Timeout = AskTimeout })
            .ConfigureAwait(false);
        var leader = answer.Status == ResponseStatus.Ok ? new PartitionLeader(answer.LeaderHint, -1) : PartitionLeader.None;
        _asked[shard] = (leader, time.GetTimestamp());
        return leader;
    }

    private async Task<LeaderView> LookAsync()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, loops).Select(loop => SubmitAsync(
            new Request { Kind = RequestKind.Status, RoutingHash = (ulong)loop }))).ConfigureAwait(false);
        lock (_lock)
        {
            _seen = Read(answers) ?? _seen; // the node starts or stops: what was known stays
            _seenAt = time.GetTimestamp();
            return _seen;
        }
    }

    private static LeaderView? Read(Response[] answers)
    {
        var self = NodeId.None;
        var leaders = new Dictionary<ShardId, PartitionLeader>();
        var dead = new HashSet<NodeId>();
        foreach (var answer in answers)
        {
            if (answer.Status != ResponseStatus.Ok || !LoopStatus.TryRead(answer.Body, out var status) || status is null)
            {
                return null;
            }

            self = status.Node;
            foreach (var replica in status.Replicas)
            {
                var leader = replica.Role == ReplicaRole.Leader ? status.Node : replica.Leader;
                leaders[replica.Shard] = new PartitionLeader(leader, (int)Math.Min(replica.Term.Value, int.MaxValue));
            }

            dead.UnionWith(status.Peers.Where(static peer => !peer.Alive).Select(static peer => peer.Node));
        }

        return new LeaderView(self, leaders.ToFrozenDictionary(), dead.ToFrozenSet());
    }

    private Task<Response> SubmitAsync(Request request)
    {
        var answer = new SingleAnswer();
        port.Submit(request, answer);
        return answer.Task;
    }
}
