namespace Atoll.StateMachines.Groups;

/// <summary>
/// Shares the partitions of one topic as Kafka does by "range": its readers, in the order of their ids, get stretches of partitions, the
/// first of them one more where it does not come out even.
/// </summary>
public static class RangeShares
{
    /// <summary>Who gets what.</summary>
    /// <param name="readers">The readers' ids, in any order.</param>
    /// <param name="partitions">How many partitions there are.</param>
    public static IEnumerable<(string Reader, int Partition)> Of(IEnumerable<string> readers, int partitions)
    {
        var ids = readers.Order(StringComparer.Ordinal).ToArray();
        var next = 0;
        for (var i = 0; i < ids.Length; i++)
        {
            var end = next + (partitions / ids.Length) + (i < partitions % ids.Length ? 1 : 0);
            for (; next < end; next++)
            {
                yield return (ids[i], next);
            }
        }
    }
}
