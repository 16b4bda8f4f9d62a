using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Checks the assignments of UPDATE and the targets of DELETE.</summary>
internal static class AssignmentPlanner
{
    public static List<CellOperation> Plan(TermBinder binder, IReadOnlyList<Assignment> assignments)
    {
        var operations = new List<CellOperation>();
        var whole = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var assignment in assignments)
        {
            var (_, column) = ModificationPlanner.Column(binder.Table, assignment.Column);
            if (column.IsPrimaryKey)
            {
                throw CqlException.Invalid($"PRIMARY KEY part {column.Name} found in SET part");
            }

            var isWhole = assignment is SetAssignment { Target: WholeColumn };
            if ((isWhole && operations.Exists(other => other.Column == column)) || whole.Contains(column.Name))
            {
                throw CqlException.Invalid($"Multiple incompatible setting of column {column.Name}");
            }

            if (isWhole)
            {
                whole.Add(column.Name);
            }

            operations.Add(assignment switch
            {
                SetAssignment set => Set(binder, set, column),
                AddAssignment add => Add(binder, add, column),
                SubtractAssignment subtract => Subtract(binder, subtract, column),
                PrependAssignment prepend => column.Type is ListType { IsMultiCell: true }
                    ? new AddElements(column, binder.Bind(prepend.Value, column.Type, column.Name), isPrepend: true)
                    : throw Unsupported(prepend, column),
                _ => throw CqlException.Invalid($"Unsupported assignment: {assignment}"),
            });
        }

        return operations;
    }

    public static CellOperation Delete(TermBinder binder, ColumnTarget target)
    {
        var (_, column) = ModificationPlanner.Column(binder.Table, target.Column);
        if (column.IsPrimaryKey)
        {
            throw CqlException.Invalid($"Invalid identifier {column.Name} for deletion (should not be a PRIMARY KEY part)");
        }

        return target switch
        {
            ColumnElement element when column.Type.IsMultiCell && column.Type.IsCollection => Element(binder, element, column, null),
            ColumnElement => throw CqlException.Invalid(column.Type.IsCollection
                ? $"Invalid deletion operation for frozen collection column {column.Name}"
                : $"Invalid deletion operation for non collection column {column.Name}"),
            ColumnField field => Field(field, column, null),
            _ => new DeleteColumn(column),
        };
    }

    private static CellOperation Set(TermBinder binder, SetAssignment assignment, ColumnDefinition column)
    {
        if (column.Type.Code == CqlTypeCode.Counter)
        {
            throw CqlException.Invalid(
                $"Cannot set the value of counter column {column.Name} (counters can only be incremented/decremented, not set)");
        }

        switch (assignment.Target)
        {
            case ColumnElement element:
                if (!column.Type.IsCollection)
                {
                    throw CqlException.Invalid(
                        $"Invalid operation ({assignment}) for non collection column {column.Name}");
                }

                return column.Type.IsMultiCell
                    ? Element(binder, element, column, assignment.Value)
                    : throw CqlException.Invalid($"Invalid operation ({assignment}) for frozen collection column {column.Name}");
            case ColumnField field:
                var fieldType = column.Type is UserType user && user.IndexOf(field.Field) is >= 0 and var index
                    ? user.Fields[index].Type : CqlTypes.Blob;
                return Field(field, column, () => binder.Bind(assignment.Value, fieldType, $"{column.Name}.{field.Field}"));
            default:
                return new SetColumn(column, binder.Bind(assignment.Value, column.Type, column.Name));
        }
    }

    private static CellOperation Element(TermBinder binder, ColumnElement target, ColumnDefinition column, Term? value)
    {
        switch (column.Type)
        {
            case MapType map:
                var key = binder.Bind(target.Key, map.Key, $"key({column.Name})");
                return new SetPart(
                    column, values => CellValues.PathOf(map.Key, KeyValues.Required(key.Evaluate(values), column.Name)),
                    value is null ? null : binder.Bind(value, map.Value, $"value({column.Name})"));
            case ListType list:
                var position = binder.Bind(target.Key, CqlTypes.Int, $"idx({column.Name})");
                return new SetListElement(
                    column, position, value is null ? null : binder.Bind(value, list.Element, $"value({column.Name})"));
            case SetType set when value is null:
                var element = binder.Bind(target.Key, set.Element, $"value({column.Name})");
                return new SetPart(
                    column, values => CellValues.PathOf(set.Element, KeyValues.Required(element.Evaluate(values), column.Name)), null);
            default:
                throw CqlException.Invalid($"Invalid operation ({target} = {value}) for set column {column.Name}");
        }
    }

    private static SetPart Field(ColumnField target, ColumnDefinition column, Func<BoundTerm>? value)
    {
        if (column.Type is not UserType user)
        {
            throw CqlException.Invalid($"Invalid operation ({target}) for non-UDT column {column.Name}");
        }

        if (user.IsFrozen)
        {
            throw CqlException.Invalid($"Invalid operation ({target}) for frozen UDT column {column.Name}");
        }

        var index = user.IndexOf(target.Field);
        if (index < 0)
        {
            throw CqlException.Invalid($"UDT column {column.Name} does not have a field named {target.Field}");
        }

        var path = CellValues.PathOfField(index);
        return new SetPart(column, _ => path, value?.Invoke());
    }

    private static CellOperation Add(TermBinder binder, AddAssignment assignment, ColumnDefinition column)
    {
        if (column.Type.Code == CqlTypeCode.Counter)
        {
            return new AddToCounter(column, binder.Bind(assignment.Value, column.Type, column.Name), isNegative: false);
        }

        return column.Type is { IsCollection: true, IsMultiCell: true }
            ? new AddElements(column, binder.Bind(assignment.Value, column.Type, column.Name), isPrepend: false)
            : throw Unsupported(assignment, column);
    }

    private static CellOperation Subtract(TermBinder binder, SubtractAssignment assignment, ColumnDefinition column)
    {
        if (column.Type.Code == CqlTypeCode.Counter)
        {
            return new AddToCounter(column, binder.Bind(assignment.Value, column.Type, column.Name), isNegative: true);
        }

        if (column.Type is not { IsCollection: true, IsMultiCell: true })
        {
            throw Unsupported(assignment, column);
        }

        return column.Type switch
        {
            MapType map => new RemoveKeys(
                column, map.Key, binder.Bind(assignment.Value, new SetType(map.Key, true), column.Name)),
            SetType set => new RemoveKeys(column, set.Element, binder.Bind(assignment.Value, set, column.Name)),
            ListType list => new RemoveFromList(column, list, binder.Bind(assignment.Value, list, column.Name)),
            _ => throw Unsupported(assignment, column),
        };
    }

    private static CqlException Unsupported(Assignment assignment, ColumnDefinition column) => CqlException.Invalid(
        column.Type.IsCollection
            ? $"Invalid operation ({assignment}) for frozen collection column {column.Name}"
            : $"Invalid operation ({assignment}) for non counter column {column.Name}");
}
