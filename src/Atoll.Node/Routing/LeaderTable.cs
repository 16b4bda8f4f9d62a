using Atoll.Foundation.Identity;

namespace Atoll.Node.Routing;

/// <summary>
/// Who leads which shard, as far as answers and the replicas here have said; and, while nobody is known to, whose turn it is to be asked.
/// </summary>
internal sealed class LeaderTable
{
    private readonly Dictionary<ShardId, NodeId> _leaders = [];

    // How often a shard's replicas, asked while no leader was known, did not serve.
    private readonly Dictionary<ShardId, int> _turns = [];

    /// <summary>The shard's leader; false when nobody is known to lead.</summary>
    public bool TryGet(ShardId shard, out NodeId leader) => _leaders.TryGetValue(shard, out leader);

    /// <summary>Which of that many replicas is to be asked first.</summary>
    public int TurnOf(ShardId shard, int replicas) => (int)((uint)_turns.GetValueOrDefault(shard) % (uint)replicas);

    /// <summary>That node leads the shard, or, for None, nobody is known to.</summary>
    public void Note(ShardId shard, NodeId leader)
    {
        if (leader == NodeId.None)
        {
            _leaders.Remove(shard);
        }
        else
        {
            _leaders[shard] = leader;
            _turns.Remove(shard);
        }
    }

    /// <summary>
    /// A node was asked and did not serve: it named the leader, or (None) did not. What others said of the leader stands.
    /// </summary>
    public void Redirected(ShardId shard, NodeId asked, NodeId hint)
    {
        if (hint != NodeId.None)
        {
            Note(shard, hint);
            return;
        }

        if (_leaders.TryGetValue(shard, out var leader) && leader == asked)
        {
            _leaders.Remove(shard);
        }

        _turns[shard] = _turns.GetValueOrDefault(shard) + 1;
    }
}
