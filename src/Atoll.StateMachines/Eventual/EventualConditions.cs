using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>Judges the conditions of a mutation on a merged version.</summary>
public static class EventualConditions
{
    /// <summary>Whether all conditions hold.</summary>
    /// <param name="mutation">The mutation.</param>
    /// <param name="version">What <see cref="EventualQuery.WriteConditionRows"/> got, of several replicas merged.</param>
    /// <param name="now">When.</param>
    /// <param name="result">When one does not hold, receives the result with the rows as they are; else nothing.</param>
    public static bool Judge(RowsMutation mutation, ReadOnlyMemory<byte> version, HybridTime now, WireWriter result) =>
        throw new NotSupportedException();
}
