using Atoll.Foundation.Bytes;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>One end of a slice of clustering columns.</summary>
/// <param name="Terms">Values of the first columns of the slice.</param>
/// <param name="IsInclusive">Whether rows with just these values are in it.</param>
internal sealed record SliceBound(IReadOnlyList<BoundTerm> Terms, bool IsInclusive);

/// <summary>What of the clustering key is given: values of its first columns, and bounds of those behind.</summary>
internal sealed class ClusteringSlices(TableDefinition table)
{
    private readonly List<(int Columns, Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>> Values)> _prefix = [];

    /// <summary>How many columns have given values.</summary>
    public int PrefixColumns { get; private set; }

    /// <summary>The lower bound of the column behind them, in the order of its values.</summary>
    public SliceBound? Lower { get; set; }

    /// <summary>The upper bound.</summary>
    public SliceBound? Upper { get; set; }

    /// <summary>Whether each column has one given value, whatever is bound.</summary>
    public bool IsSingle { get; private set; } = true;

    /// <summary>Whether there are bounds.</summary>
    public bool HasSlice => Lower is not null || Upper is not null;

    /// <summary>Whether nothing is given.</summary>
    public bool IsEmpty => PrefixColumns == 0 && !HasSlice;

    /// <summary>Whether every column has given values.</summary>
    public bool IsWhole => PrefixColumns == table.Clustering.Length;

    /// <summary>Gives the next column its values.</summary>
    public void Add(KeyValues values)
    {
        _prefix.Add((1, bound => values.Evaluate(bound).Select(value => (IReadOnlyList<ReadOnlyMemory<byte>>)[value])));
        PrefixColumns++;
        IsSingle &= values.IsSingle;
    }

    /// <summary>Gives the next columns their values together.</summary>
    public void Add(int columns, Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>> values)
    {
        _prefix.Add((columns, values));
        PrefixColumns += columns;
        IsSingle = false;
    }

    /// <summary>The ranges of keys, in order, none meeting another.</summary>
    public List<ClusteringRange> Evaluate(BoundValues values)
    {
        if (_prefix.Count == 0)
        {
            // Nothing is given, or there are no clustering columns at all.
            var all = Range([], values);
            return all.IsNothing ? [] : [all];
        }

        var prefixes = new List<byte[]> { Array.Empty<byte>() };
        var first = 0;
        foreach (var (columns, given) in _prefix)
        {
            var start = first;
            var tuples = given(values).Select(tuple => Encode(start, tuple)).ToArray();
            KeyValues.CheckCombinations((long)prefixes.Count * tuples.Length);
            prefixes = [.. prefixes.SelectMany(prefix => tuples.Select(tuple => (byte[])[.. prefix, .. tuple]))];
            first += columns;
        }

        var ranges = new SortedDictionary<byte[], ClusteringRange>(KeyOrder.Instance);
        foreach (var prefix in prefixes)
        {
            ranges[prefix] = Range(prefix, values);
        }

        return [.. ranges.Values.Where(range => !range.IsNothing)];
    }

    private ClusteringRange Range(byte[] prefix, BoundValues values)
    {
        if (!HasSlice)
        {
            return IsWhole ? ClusteringRange.Of(prefix) : prefix.Length == 0 ? ClusteringRange.All : ClusteringRange.OfPrefix(prefix);
        }

        // All columns of a slice have one direction: of descending ones the encoding turns the order, and so the bounds.
        var isDescending = table.Clustering[PrefixColumns].IsDescending;
        var (low, high) = isDescending ? (Upper, Lower) : (Lower, Upper);
        return ClusteringRange.Between(
            Bound(prefix, low, values), low?.IsInclusive ?? true, Bound(prefix, high, values), high?.IsInclusive ?? true);
    }

    private ReadOnlyMemory<byte> Bound(byte[] prefix, SliceBound? bound, BoundValues values)
    {
        if (bound is null)
        {
            return prefix;
        }

        var given = bound.Terms.Select((term, index) =>
            KeyValues.Required(term.Evaluate(values), table.Clustering[PrefixColumns + index].Name)).ToArray();
        return (byte[])[.. prefix, .. Encode(PrefixColumns, given)];
    }

    private byte[] Encode(int first, IReadOnlyList<ReadOnlyMemory<byte>> tuple)
    {
        var writer = new WireWriter(32);
        var keys = new OrderedKeyWriter(writer);
        for (var index = 0; index < tuple.Count; index++)
        {
            var column = table.Clustering[first + index];
            keys.Write(column.Type, tuple[index], column.IsDescending);
        }

        return writer.ToArray();
    }
}
