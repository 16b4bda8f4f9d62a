using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>A condition behind IF.</summary>
/// <param name="column">The column that it is about.</param>
internal abstract class ConditionPlan(ColumnDefinition column)
{
    public ColumnDefinition Column { get; } = column;

    /// <summary>Whether it holds of a row that was read.</summary>
    public abstract bool Holds(RowView row, BoundValues values);

    /// <summary>The condition as the storage judges it in the same step as the write; null when it cannot.</summary>
    public virtual RowCondition? Direct(ReadOnlyMemory<byte> clustering, BoundValues values) => null;

    /// <summary>A condition that the column is as it was read: what was judged here still holds then.</summary>
    public RowCondition Unchanged(ReadOnlyMemory<byte> clustering, RowView row)
    {
        var cells = row.CellsOf(Column);
        RowCondition condition;
        if (!Column.Type.IsMultiCell)
        {
            condition = RowCondition.Cell(
                clustering, Column.Id, CellComparison.Equal, [cells.IsEmpty ? (ReadOnlyMemory<byte>?)null : cells[0].Value]);
        }
        else
        {
            var elements = new ConditionElement[cells.Length];
            for (var index = 0; index < elements.Length; index++)
            {
                elements[index] = new ConditionElement(cells[index].Path, cells[index].Value);
            }

            condition = RowCondition.Collection(clustering, Column.Id, CellComparison.Equal, elements, comparesPaths: true);
        }

        return condition with { IsStatic = Column.Kind == ColumnKind.Static };
    }

    private protected static CqlValue Required(CqlValue value, ColumnDefinition column) => value.IsUnset
        ? throw CqlException.Invalid($"Invalid 'unset' value in condition on column {column.Name}") : value;
}

/// <summary>A column, or a part of it, compared with values.</summary>
/// <param name="column">The column.</param>
/// <param name="type">The type of what is compared.</param>
/// <param name="part">Gives what is compared from a row.</param>
/// <param name="path">Gives the part's place, when it is a cell of its own; null for a whole column.</param>
/// <param name="isCell">Whether what is compared is one cell.</param>
/// <param name="operation">The comparison; null for IN.</param>
/// <param name="candidates">The value, or those of IN.</param>
internal sealed class ComparisonPlan(
    ColumnDefinition column, CqlType type, Func<RowView, BoundValues, ReadOnlyMemory<byte>?> part, Func<BoundValues, byte[]>? path,
    bool isCell, RelationOperator? operation, Func<BoundValues, IReadOnlyList<CqlValue>> candidates) : ConditionPlan(column)
{
    public override bool Holds(RowView row, BoundValues values)
    {
        var value = part(row, values);
        var wanted = Candidates(values);
        return operation is { } comparison ? Compare(comparison, value, wanted[0]) : wanted.Any(candidate => Equal(value, candidate));
    }

    public override RowCondition? Direct(ReadOnlyMemory<byte> clustering, BoundValues values)
    {
        if (!isCell || Comparison is not { } comparison || OrderFor(comparison) is not { } order)
        {
            return null;
        }

        return RowCondition.Cell(
            clustering, Column.Id, comparison, [.. Candidates(values).Select(candidate => candidate.BytesOrNull)], order) with
        {
            Path = path?.Invoke(values) ?? default,
            IsStatic = Column.Kind == ColumnKind.Static,
        };
    }

    private CellComparison? Comparison => operation switch
    {
        null => CellComparison.In,
        RelationOperator.Equal => CellComparison.Equal,
        RelationOperator.NotEqual => CellComparison.NotEqual,
        RelationOperator.Less => CellComparison.Less,
        RelationOperator.LessOrEqual => CellComparison.LessOrEqual,
        RelationOperator.Greater => CellComparison.Greater,
        RelationOperator.GreaterOrEqual => CellComparison.GreaterOrEqual,
        _ => null,
    };

    // The storage compares bytes: only types whose equal values have equal bytes, and whose order it knows.
    private ValueOrder? OrderFor(CellComparison comparison) => type.Code switch
    {
        CqlTypeCode.Varchar or CqlTypeCode.Ascii or CqlTypeCode.Blob or CqlTypeCode.Date or CqlTypeCode.Boolean or CqlTypeCode.Inet =>
            ValueOrder.Bytes,
        CqlTypeCode.Bigint or CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Tinyint or CqlTypeCode.Timestamp
            or CqlTypeCode.Time => ValueOrder.Integer,
        CqlTypeCode.Uuid or CqlTypeCode.Timeuuid
            when comparison is CellComparison.Equal or CellComparison.NotEqual or CellComparison.In => ValueOrder.Bytes,
        CqlTypeCode.Timeuuid => ValueOrder.TimeUuid,
        _ => null,
    };

    private IReadOnlyList<CqlValue> Candidates(BoundValues values)
    {
        var wanted = candidates(values);
        foreach (var candidate in wanted)
        {
            if (Required(candidate, Column).IsNull && operation is not (null or RelationOperator.Equal or RelationOperator.NotEqual))
            {
                throw CqlException.Invalid($"Invalid comparison with null for operator \"{Symbol}\"");
            }
        }

        return wanted;
    }

    private string Symbol => operation switch
    {
        RelationOperator.Less => "<",
        RelationOperator.LessOrEqual => "<=",
        RelationOperator.Greater => ">",
        RelationOperator.GreaterOrEqual => ">=",
        _ => operation.ToString()!.ToUpperInvariant(),
    };

    private bool Compare(RelationOperator comparison, ReadOnlyMemory<byte>? value, CqlValue wanted) => comparison switch
    {
        RelationOperator.Equal => Equal(value, wanted),
        RelationOperator.NotEqual => !Equal(value, wanted),
        _ => value is { } some && RowFilters.Holds(comparison, CqlComparer.Compare(type, some, wanted.Bytes)),
    };

    // An empty collection that isn't frozen is null.
    private bool Equal(ReadOnlyMemory<byte>? value, CqlValue wanted)
    {
        var other = wanted.BytesOrNull is { } bytes && Column.Type.IsMultiCell && path is null && type.IsCollection
            && CqlSequence.ReadCollection(bytes).Count == 0 ? null : wanted.BytesOrNull;
        return value is { } left ? other is { } right && CqlComparer.Compare(type, left, right) == 0 : other is null;
    }
}

/// <summary>CONTAINS, CONTAINS KEY.</summary>
internal sealed class ContainsPlan(ColumnDefinition column, int position, bool isKey, BoundTerm term) : ConditionPlan(column)
{
    public override bool Holds(RowView row, BoundValues values) =>
        row[position] is { } collection
        && RowFilters.Contains(Column.Type, collection, isKey, KeyValues.Required(term.Evaluate(values), Column.Name));
}

/// <summary>Types conditions.</summary>
internal static class ConditionPlanner
{
    public static ConditionPlan Plan(TermBinder binder, Condition condition)
    {
        var (position, column) = ModificationPlanner.Column(binder.Table, condition.Target.Column);
        if (column.IsPrimaryKey)
        {
            throw CqlException.Invalid($"PRIMARY KEY column '{column.Name}' cannot have IF conditions");
        }

        if (column.Type.Code == CqlTypeCode.Counter)
        {
            throw CqlException.Invalid("Conditional updates are not supported on counter tables");
        }

        if (condition is ComparisonCondition { Operator: RelationOperator.Contains or RelationOperator.ContainsKey } contains)
        {
            return Contains(binder, contains, position, column);
        }

        var (type, part, path) = Target(binder, condition.Target, position, column);
        var isCell = path is not null || (!column.Type.IsMultiCell && condition.Target is WholeColumn);
        return condition switch
        {
            ComparisonCondition { Operator: RelationOperator.Like } => throw CqlException.Invalid("LIKE conditions are not supported"),
            ComparisonCondition comparison when binder.Bind(comparison.Value, type, column.Name) is var term =>
                new ComparisonPlan(column, type, part, path, isCell, comparison.Operator, values => [term.Evaluate(values)]),
            InCondition among => new ComparisonPlan(column, type, part, path, isCell, null, Candidates(binder, among.Values, type, column)),
            _ => throw CqlException.Invalid($"Unsupported condition: {condition}"),
        };
    }

    private static ContainsPlan Contains(TermBinder binder, ComparisonCondition condition, int position, ColumnDefinition column)
    {
        var isKey = condition.Operator == RelationOperator.ContainsKey;
        var element = (column.Type, isKey) switch
        {
            (MapType map, true) => map.Key,
            (MapType map, false) => map.Value,
            (ListType list, false) => list.Element,
            (SetType set, false) => set.Element,
            (_, true) => throw CqlException.Invalid($"Cannot use CONTAINS KEY on non-map column {column.Name}"),
            _ => throw CqlException.Invalid($"Cannot use CONTAINS on non-collection column {column.Name}"),
        };
        return new ContainsPlan(column, position, isKey, binder.Bind(condition.Value, element, $"value({column.Name})"));
    }

    private static Func<BoundValues, IReadOnlyList<CqlValue>> Candidates(
        TermBinder binder, InValues values, CqlType type, ColumnDefinition column)
    {
        if (values is InList list)
        {
            var terms = list.Values.Select(value => binder.Bind(value, type, column.Name)).ToArray();
            return bound => [.. terms.Select(term => term.Evaluate(bound))];
        }

        var marker = binder.Bind(((InMarker)values).Marker, new ListType(type, true), $"in({column.Name})");
        return bound => [.. CqlSequence.ReadCollection(KeyValues.Required(marker.Evaluate(bound), column.Name)).Select(CqlValue.Of)];
    }

    private static (CqlType Type, Func<RowView, BoundValues, ReadOnlyMemory<byte>?> Part, Func<BoundValues, byte[]>? Path) Target(
        TermBinder binder, ColumnTarget target, int position, ColumnDefinition column)
    {
        switch (target)
        {
            case ColumnElement element when column.Type is MapType map:
                var key = binder.Bind(element.Key, map.Key, $"key({column.Name})");
                return (map.Value,
                    (row, values) => row[position] is { } value
                        ? CollectionAccess.Find(map, value, KeyValues.Required(key.Evaluate(values), column.Name)) : null,
                    map.IsMultiCell
                        ? values => CellValues.PathOf(map.Key, KeyValues.Required(key.Evaluate(values), column.Name)) : null);
            case ColumnElement element when column.Type is ListType list:
                var index = binder.Bind(element.Key, CqlTypes.Int, $"idx({column.Name})");
                return (list.Element, (row, values) => ElementAt(row[position], index.Evaluate(values), column), null);
            case ColumnElement:
                throw CqlException.Invalid($"Invalid element access syntax for non-collection column {column.Name}");
            case ColumnField field:
                if (column.Type is not UserType user)
                {
                    throw CqlException.Invalid($"Cannot access field {field.Field} of column {column.Name} of type {column.Type}");
                }

                var fieldIndex = user.IndexOf(field.Field) is >= 0 and var found
                    ? found : throw CqlException.Invalid($"Unknown field {field.Field} for column {column.Name}");
                return (user.Fields[fieldIndex].Type,
                    (row, _) => row[position] is { } value ? CqlSequence.ReadTuple(value, user.Fields.Length)[fieldIndex] : null,
                    user.IsMultiCell ? _ => CellValues.PathOfField(fieldIndex) : null);
            default:
                return (column.Type, (row, _) => row[position], null);
        }
    }

    private static ReadOnlyMemory<byte>? ElementAt(ReadOnlyMemory<byte>? list, CqlValue index, ColumnDefinition column)
    {
        var at = CqlBytes.ToInt(KeyValues.Required(index, column.Name).Span);
        if (at < 0)
        {
            throw CqlException.Invalid($"Invalid negative list index {at}");
        }

        return list is { } some && CqlSequence.ReadCollection(some) is var parts && at < parts.Count
            ? parts[at] : (ReadOnlyMemory<byte>?)null;
    }
}
