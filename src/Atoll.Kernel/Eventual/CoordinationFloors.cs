using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// Each node's floor: of all mutations with a stamp of at most this that it took on, none is under way any more (in a write round, a hint,
/// a batch's log, an unsettled decree of Paxos); all that it takes on later get later stamps. A node that is away holds the least floor
/// back, and with it tombstones; that is the price, and a node that is removed from the cluster is waited for no more.
/// </summary>
public sealed class CoordinationFloors
{
    private readonly SortedDictionary<NodeId, HybridTime> _floors = [];

    /// <summary>The floor that a node may tell: just before the earliest thing that it has under way, and before its clock.</summary>
    /// <param name="clock">The next time that its hybrid clock would give; nothing earlier may be given as a stamp afterwards.</param>
    /// <param name="earliestUnderWay">The earliest stamp of its writes, hints, batch logs and unsettled decrees; Max for none.</param>
    public static HybridTime Of(HybridTime clock, HybridTime earliestUnderWay)
    {
        var least = clock < earliestUnderWay ? clock : earliestUnderWay;
        return least == HybridTime.Zero ? least : new HybridTime(least.Value - 1);
    }

    /// <summary>A node told its floor, through the same path as all others or late: lower ones change nothing.</summary>
    public void Told(NodeId node, HybridTime floor)
    {
        if (floor > _floors.GetValueOrDefault(node))
        {
            _floors[node] = floor;
        }
    }

    /// <summary>The least floor of these nodes; zero while one of them has told none.</summary>
    /// <param name="nodes">Every node of the cluster, as the directory knows them.</param>
    public HybridTime Least(ImmutableArray<NodeId> nodes)
    {
        var least = HybridTime.Max;
        foreach (var node in nodes)
        {
            var floor = _floors.GetValueOrDefault(node);
            least = floor < least ? floor : least;
        }

        return nodes.IsEmpty ? HybridTime.Zero : least;
    }
}
