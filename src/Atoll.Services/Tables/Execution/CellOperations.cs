using System.Buffers.Binary;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a statement is being turned into cells with.</summary>
/// <param name="values">The markers' values.</param>
/// <param name="timeToLiveSeconds">How long values live; 0 for ever.</param>
/// <param name="current">The row as it was read; null when no operation needs it.</param>
/// <param name="ordinals">Numbers the elements that are appended to lists.</param>
internal sealed class CellScope(BoundValues values, int timeToLiveSeconds, RowView? current, ListOrdinals ordinals)
{
    public BoundValues Values { get; } = values;

    public int TimeToLiveSeconds { get; } = timeToLiveSeconds;

    public RowView? Current { get; } = current;

    public ListOrdinals Ordinals { get; } = ordinals;

    public List<CellWrite> Writes { get; } = [];

    public void Put(uint column, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> path = default) =>
        Writes.Add(CellWrite.Put(column, value, TimeToLiveSeconds, path));
}

/// <summary>
/// The places of elements that one command appends: in the order in which they are taken, and distinct from those of other commands with
/// the same timestamp.
/// </summary>
/// <param name="ids">Draws what makes them distinct, when there are any.</param>
internal sealed class ListOrdinals(IUuidSource ids)
{
    private Guid? _salt;
    private uint _next;

    public byte[] Take()
    {
        var ordinal = new byte[12];
        BinaryPrimitives.WriteUInt32BigEndian(ordinal, _next++);
        (_salt ??= ids.NewRandom()).ToByteArray().AsSpan(0, 8).CopyTo(ordinal.AsSpan(4));
        return ordinal;
    }
}

/// <summary>What a statement does to a column.</summary>
/// <param name="column">The column.</param>
internal abstract class CellOperation(ColumnDefinition column)
{
    public ColumnDefinition Column { get; } = column;

    /// <summary>Whether it depends on what the row has.</summary>
    public virtual bool NeedsRow => false;

    public abstract void Write(CellScope scope);
}

/// <summary>Gives a column a value.</summary>
internal sealed class SetColumn(ColumnDefinition column, BoundTerm term) : CellOperation(column)
{
    public override void Write(CellScope scope) => Write(scope, Column, term.Evaluate(scope.Values));

    public static void Write(CellScope scope, ColumnDefinition column, CqlValue value)
    {
        if (value.IsUnset)
        {
            return;
        }

        if (value.BytesOrNull is not { } bytes)
        {
            scope.Writes.Add(column.Type.IsMultiCell ? CellWrite.Clear(column.Id) : CellWrite.Delete(column.Id));
        }
        else if (!column.Type.IsMultiCell)
        {
            scope.Put(column.Id, bytes);
        }
        else
        {
            scope.Writes.Add(CellWrite.Replace(column.Id));
            if (column.Type is UserType user)
            {
                var fields = CqlSequence.ReadTuple(bytes, user.Fields.Length);
                for (var field = 0; field < fields.Length; field++)
                {
                    if (fields[field] is { } part)
                    {
                        scope.Put(column.Id, part, CellValues.PathOfField(field));
                    }
                }
            }
            else
            {
                AddElements.Write(scope, column, bytes);
            }
        }
    }
}

/// <summary>Adds elements to a collection; to a list, behind or before the others.</summary>
internal sealed class AddElements(ColumnDefinition column, BoundTerm term, bool isPrepend) : CellOperation(column)
{
    public override void Write(CellScope scope)
    {
        if (term.Evaluate(scope.Values).BytesOrNull is { } bytes)
        {
            Write(scope, Column, bytes, isPrepend);
        }
    }

    public static void Write(CellScope scope, ColumnDefinition column, ReadOnlyMemory<byte> collection, bool isPrepend = false)
    {
        var parts = CqlSequence.ReadCollection(collection);
        switch (column.Type)
        {
            case ListType:
                foreach (var part in parts)
                {
                    var ordinal = scope.Ordinals.Take();
                    scope.Writes.Add(isPrepend
                        ? CellWrite.Prepend(column.Id, ordinal, part, scope.TimeToLiveSeconds)
                        : CellWrite.Append(column.Id, ordinal, part, scope.TimeToLiveSeconds));
                }

                break;
            case SetType set:
                foreach (var part in parts)
                {
                    scope.Put(column.Id, default, CellValues.PathOf(set.Element, part));
                }

                break;
            case MapType map:
                for (var index = 0; index + 1 < parts.Count; index += 2)
                {
                    scope.Put(column.Id, parts[index + 1], CellValues.PathOf(map.Key, parts[index]));
                }

                break;
        }
    }
}

/// <summary>Removes elements from a set, keys from a map.</summary>
internal sealed class RemoveKeys(ColumnDefinition column, CqlType keyType, BoundTerm keys) : CellOperation(column)
{
    public override void Write(CellScope scope)
    {
        if (keys.Evaluate(scope.Values).BytesOrNull is { } bytes)
        {
            foreach (var key in CqlSequence.ReadCollection(bytes))
            {
                scope.Writes.Add(CellWrite.Delete(Column.Id, CellValues.PathOf(keyType, key)));
            }
        }
    }
}

/// <summary>Removes all elements from a list that are equal to given ones.</summary>
internal sealed class RemoveFromList(ColumnDefinition column, ListType type, BoundTerm elements) : CellOperation(column)
{
    public override bool NeedsRow => true;

    public override void Write(CellScope scope)
    {
        if (elements.Evaluate(scope.Values).BytesOrNull is { } bytes && scope.Current is { } row)
        {
            var unwanted = CqlSequence.ReadCollection(bytes);
            foreach (ref readonly var cell in row.CellsOf(Column))
            {
                var value = cell.Value;
                if (unwanted.Exists(element => CqlComparer.Compare(type.Element, element, value) == 0))
                {
                    scope.Writes.Add(CellWrite.Delete(Column.Id, cell.Path));
                }
            }
        }
    }
}

/// <summary>Gives a key of a map, or a field of a user type, a value; null removes it.</summary>
/// <param name="column">The column.</param>
/// <param name="path">Gives the place.</param>
/// <param name="value">The value; null to remove.</param>
internal sealed class SetPart(ColumnDefinition column, Func<BoundValues, byte[]> path, BoundTerm? value) : CellOperation(column)
{
    public override void Write(CellScope scope)
    {
        var written = value?.Evaluate(scope.Values) ?? CqlValue.Null;
        if (written.IsUnset)
        {
            return;
        }

        if (written.BytesOrNull is { } bytes)
        {
            scope.Put(Column.Id, bytes, path(scope.Values));
        }
        else
        {
            scope.Writes.Add(CellWrite.Delete(Column.Id, path(scope.Values)));
        }
    }
}

/// <summary>Gives an element of a list another value by its position; null removes it.</summary>
internal sealed class SetListElement(ColumnDefinition column, BoundTerm position, BoundTerm? value) : CellOperation(column)
{
    public override bool NeedsRow => true;

    public override void Write(CellScope scope)
    {
        var written = value?.Evaluate(scope.Values) ?? CqlValue.Null;
        var at = position.Evaluate(scope.Values);
        if (at.IsUnset)
        {
            throw CqlException.Invalid("Invalid unset value for list index");
        }

        var index = CqlBytes.ToInt((at.BytesOrNull ?? throw CqlException.Invalid("Invalid null value for list index")).Span);
        var cells = scope.Current is { } row ? row.CellsOf(Column) : default;
        if (cells.IsEmpty)
        {
            throw CqlException.Invalid(value is null
                ? "Attempted to delete an element from a list which is null"
                : "Attempted to set an element on a list which is null");
        }

        if (index < 0 || index >= cells.Length)
        {
            throw CqlException.Invalid($"List index {index} out of bound, list has size {cells.Length}");
        }

        if (written.BytesOrNull is { } bytes)
        {
            scope.Put(Column.Id, bytes, cells[index].Path);
        }
        else if (!written.IsUnset)
        {
            scope.Writes.Add(CellWrite.Delete(Column.Id, cells[index].Path));
        }
    }
}

/// <summary>Adds to a counter, or subtracts.</summary>
internal sealed class AddToCounter(ColumnDefinition column, BoundTerm term, bool isNegative) : CellOperation(column)
{
    public override void Write(CellScope scope)
    {
        var value = term.Evaluate(scope.Values);
        if (value.IsUnset)
        {
            return;
        }

        var delta = CqlBytes.ToBigint((value.BytesOrNull ?? throw CqlException.Invalid(
            $"Invalid null value for counter {(isNegative ? "decrement" : "increment")}")).Span);
        if (isNegative && delta == long.MinValue)
        {
            throw CqlException.Invalid($"The negation of {delta} overflows supported counter precision (signed 8 bytes integer)");
        }

        scope.Writes.Add(CellWrite.Increment(Column.Id, isNegative ? -delta : delta));
    }
}

/// <summary>Deletes a column's value.</summary>
internal sealed class DeleteColumn(ColumnDefinition column) : CellOperation(column)
{
    public override void Write(CellScope scope) =>
        scope.Writes.Add(Column.Type.IsMultiCell ? CellWrite.Clear(Column.Id) : CellWrite.Delete(Column.Id));
}

/// <summary>The document of INSERT JSON, read once for all of its columns.</summary>
/// <param name="table">The table.</param>
/// <param name="json">The document.</param>
internal sealed class JsonRow(TableDefinition table, BoundTerm json)
{
    // The latest execution's: one statement asks for its columns in a row, and another execution reads its own.
    private volatile Tuple<BoundValues, IReadOnlyDictionary<string, ReadOnlyMemory<byte>?>>? _latest;

    /// <summary>The value of a column; null when it isn't there (not set, when so asked for).</summary>
    public CqlValue ValueOf(string column, BoundValues values, bool isDefaultUnset) =>
        Row(values).TryGetValue(column, out var value) ? CqlValue.Of(value) : isDefaultUnset ? CqlValue.Unset : CqlValue.Null;

    private IReadOnlyDictionary<string, ReadOnlyMemory<byte>?> Row(BoundValues values)
    {
        if (_latest is { } latest && ReferenceEquals(latest.Item1, values))
        {
            return latest.Item2;
        }

        var text = json.Evaluate(values).BytesOrNull ?? throw CqlException.Invalid("Got null for INSERT JSON values");
        var row = CqlJsonReader.DecodeRow(
            CqlBytes.ToText(text.Span), name => table.TryGetColumn(name, out var column) ? column.Type : null);
        _latest = Tuple.Create(values, row);
        return row;
    }
}

/// <summary>A column from a document of JSON.</summary>
internal sealed class SetFromJson(ColumnDefinition column, JsonRow row, bool isDefaultUnset) : CellOperation(column)
{
    public override void Write(CellScope scope) =>
        SetColumn.Write(scope, Column, row.ValueOf(Column.Name, scope.Values, isDefaultUnset));
}

/// <summary>A column's value in a document of JSON, where a column of the primary key is wanted.</summary>
internal sealed class JsonTerm(ColumnDefinition column, JsonRow row) : BoundTerm(column.Type)
{
    public override CqlValue Evaluate(BoundValues values) => row.ValueOf(column.Name, values, isDefaultUnset: false);
}
