using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>All that a WHERE says of one column (of several clustering columns together: of the first).</summary>
internal sealed class ColumnRestriction
{
    private SliceBound? _lower;
    private SliceBound? _upper;
    private int _tupleColumns;

    /// <summary>The values of an equality or IN.</summary>
    public KeyValues? Values { get; private set; }

    /// <summary>The values of several columns together.</summary>
    public Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>>? Tuples { get; private set; }

    /// <summary>All of it as filters.</summary>
    public List<RowFilter> Filters { get; } = [];

    /// <summary>Slices of columns of different directions, which are no range of keys.</summary>
    public List<RowFilter> MixedSlices { get; } = [];

    /// <summary>Whether an index knows the rows.</summary>
    public bool IsIndexed { get; set; }

    public void SetEqual(ColumnDefinition column, KeyValues values, RowFilter filter)
    {
        if (Filters.Count > 0)
        {
            throw CqlException.Invalid($"{column.Name} cannot be restricted by more than one relation if it includes an Equal");
        }

        Values = values;
        Filters.Add(filter);
    }

    public void SetTuples(
        string names, int columns, Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>> tuples, RowFilter filter)
    {
        if (Filters.Count > 0)
        {
            throw CqlException.Invalid($"{names} cannot be restricted by more than one relation if it includes a IN");
        }

        Tuples = tuples;
        _tupleColumns = columns;
        Filters.Add(filter);
    }

    public void SetBound(ColumnDefinition column, RelationOperator operation, BoundTerm term, RowFilter filter) => SetTupleBound(
        column.Name,
        operation is RelationOperator.Greater or RelationOperator.GreaterOrEqual,
        new SliceBound([term], operation is RelationOperator.GreaterOrEqual or RelationOperator.LessOrEqual),
        filter);

    public void SetTupleBound(string names, bool isLower, SliceBound bound, RowFilter filter)
    {
        if (Values is not null || Tuples is not null)
        {
            throw CqlException.Invalid($"{names} cannot be restricted by more than one relation if it includes an Equal");
        }

        if ((isLower ? _lower : _upper) is not null)
        {
            throw CqlException.Invalid($"More than one restriction was found for the {(isLower ? "start" : "end")} bound on {names}");
        }

        (_lower, _upper) = isLower ? (bound, _upper) : (_lower, bound);
        Filters.Add(filter);
    }

    public void AddMixedSlice(RowFilter filter)
    {
        MixedSlices.Add(filter);
        Filters.Add(filter);
    }

    public void AddFilter(RowFilter filter, bool isIndexed)
    {
        Filters.Add(filter);
        IsIndexed |= isIndexed;
    }

    /// <summary>Uses the restriction to find rows by their keys; false when it is none of keys.</summary>
    public bool TryPutInto(ClusteringSlices slices)
    {
        if (Values is not null)
        {
            slices.Add(Values);
        }
        else if (Tuples is not null)
        {
            slices.Add(_tupleColumns, Tuples);
        }
        else if (_lower is not null || _upper is not null)
        {
            slices.Lower = _lower;
            slices.Upper = _upper;
        }
        else
        {
            return MixedSlices.Count > 0;
        }

        return true;
    }
}

/// <summary>A field of a tuple that a marker gives.</summary>
internal sealed class TupleFieldTerm(CqlType type, BoundTerm tuple, int count, int index) : BoundTerm(type)
{
    public override CqlValue Evaluate(BoundValues values)
    {
        var value = tuple.Evaluate(values);
        return value.BytesOrNull is { } bytes ? CqlValue.Of(CqlSequence.ReadTuple(bytes, count)[index]) : value;
    }
}
