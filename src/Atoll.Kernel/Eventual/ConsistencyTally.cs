using System.Numerics;
using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Eventual;

/// <summary>Counts the answers to one request against what its consistency level asks for.</summary>
public sealed class ConsistencyTally
{
    private readonly ConsistencyPlan _plan;
    private ulong _agreed;
    private ulong _refused;
    private int _hints;

    private ConsistencyTally(ConsistencyPlan plan) => _plan = plan;

    /// <summary>Answers that a level may lack: 0, but for a planted bug.</summary>
    internal int Lacking { get; init; }

    /// <summary>Answers that must come, over all regions.</summary>
    public int Required => _plan.Required;

    /// <summary>Answers that came and count; of EACH_QUORUM, of each region no more than it needs.</summary>
    public int Received
    {
        get
        {
            if (_plan.Masks.Length == 1)
            {
                return BitOperations.PopCount(_agreed & _plan.Scope) + _hints;
            }

            var received = 0;
            for (var group = 0; group < _plan.Masks.Length; group++)
            {
                received += Math.Min(BitOperations.PopCount(_agreed & _plan.Masks[group]), _plan.RequiredOf[group]);
            }

            return received;
        }
    }

    /// <summary>Replicas that said that they can't.</summary>
    public int Failed => BitOperations.PopCount(_refused & _plan.Scope);

    /// <summary>Whether enough have answered.</summary>
    public bool IsSatisfied => Suffices(_agreed, _hints);

    /// <summary>Whether so many said that they can't that it never will be satisfied.</summary>
    public bool IsLost => !Suffices(~_refused, _hints);

    /// <summary>The tally of a write: pending replicas count, and raise what is required.</summary>
    public static ConsistencyTally OfWrite(ConsistencyLevel level, ReplicaSet replicas, string localRegion) =>
        OfWrite(level, replicas, localRegion, lacking: 0);

    internal static ConsistencyTally OfWrite(ConsistencyLevel level, ReplicaSet replicas, string localRegion, int lacking) =>
        new(replicas.PlanOf(level, isWrite: level != ConsistencyLevel.Any, localRegion)) { Lacking = lacking };

    /// <summary>The tally of a read: only members answer.</summary>
    public static ConsistencyTally OfRead(ConsistencyLevel level, ReplicaSet replicas, string localRegion) =>
        new(replicas.PlanOf(level, isWrite: false, localRegion));

    /// <summary>Whether the replica's answer counts.</summary>
    public bool IsInScope(NodeId node) => (_plan.BitOf(node) & _plan.Scope) != 0;

    /// <summary>Takes a replica's answer; the first counts.</summary>
    public void Record(NodeId node, bool ok)
    {
        var bit = _plan.BitOf(node) & ~(_agreed | _refused);
        _agreed |= ok ? bit : 0;
        _refused |= ok ? 0 : bit;
    }

    /// <summary>ANY: a hint is durable.</summary>
    public void RecordHint() => _hints++;

    /// <summary>
    /// Whether those who are up could answer now what is asked for: who asks for more is told "unavailable" before anything is sent.
    /// </summary>
    /// <param name="isAlive">Who is up.</param>
    /// <param name="alive">How many are up; of EACH_QUORUM, in the first region (ordinal order) that has too few.</param>
    /// <param name="required">How many must be, there.</param>
    public bool CanBeSatisfiedBy(Func<NodeId, bool> isAlive, out int alive, out int required)
    {
        var bits = _plan.Alive(isAlive);
        for (var group = 0; group < _plan.Masks.Length; group++)
        {
            alive = BitOperations.PopCount(bits & _plan.Masks[group]);
            required = _plan.RequiredOf[group];
            if (alive < required)
            {
                return false;
            }
        }

        alive = BitOperations.PopCount(bits & _plan.Scope);
        required = _plan.Required;
        return true;
    }

    private bool Suffices(ulong replicas, int hints)
    {
        for (var group = 0; group < _plan.Masks.Length; group++)
        {
            if (BitOperations.PopCount(replicas & _plan.Masks[group]) + hints + Lacking < _plan.RequiredOf[group])
            {
                return false;
            }
        }

        return true;
    }
}
