using Atoll.Foundation.Checks;

namespace Atoll.Kernel.Quorums;

/// <summary>More than half: any two majorities of the same set share a member.</summary>
public static class Majority
{
    /// <summary>How many of so many members are a majority.</summary>
    public static int Size(int members)
    {
        Check.That(members > 0);
        return (members / 2) + 1;
    }

    /// <summary>
    /// The highest value that a majority has reached, given what each member has: of indices, what may be committed; of instants, since
    /// when a majority has not been silent. Reorders the values.
    /// </summary>
    /// <param name="values">What each member has; at least one.</param>
    /// <param name="lacking">Members that a majority may lack: 0, but for a planted bug.</param>
    public static T Reached<T>(Span<T> values, int lacking = 0)
        where T : IComparable<T>
    {
        var size = Math.Max(1, Size(values.Length) - lacking);
        values.Sort();
        return values[^size];
    }

    /// <summary>
    /// The highest value that both a majority of the members and a majority of the outgoing members have reached (dissertation, 4.3); with
    /// nobody outgoing, the members decide alone. Reorders the values.
    /// </summary>
    /// <param name="values">What each member has; at least one.</param>
    /// <param name="outgoing">What each outgoing member has; empty when there is none.</param>
    /// <param name="lacking">Members that a majority may lack: 0, but for a planted bug.</param>
    public static T ReachedByBoth<T>(Span<T> values, Span<T> outgoing, int lacking = 0)
        where T : IComparable<T>
    {
        var reached = Reached(values, lacking);
        if (outgoing.IsEmpty)
        {
            return reached;
        }

        var reachedByOutgoing = Reached(outgoing, lacking);
        return reached.CompareTo(reachedByOutgoing) <= 0 ? reached : reachedByOutgoing;
    }
}
