using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a selector needs to be evaluated: a row, the markers' values, and the state of its group's aggregates.</summary>
/// <param name="Row">The row; of a group its first, and of an empty one null.</param>
/// <param name="Values">The markers' values.</param>
/// <param name="Aggregations">The group's aggregates by their position; empty outside of groups.</param>
internal readonly record struct RowScope(RowView? Row, BoundValues Values, IReadOnlyList<ICqlAggregation> Aggregations);

/// <summary>Something that SELECT returns, with its type.</summary>
/// <param name="type">The type.</param>
internal abstract class RowTerm(CqlType type)
{
    public CqlType Type { get; } = type;

    public abstract ReadOnlyMemory<byte>? Evaluate(in RowScope scope);
}

/// <summary>A column.</summary>
internal sealed class ColumnRowTerm(ColumnDefinition column, int position) : RowTerm(column.Type)
{
    public ColumnDefinition Column { get; } = column;

    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope) => scope.Row?[position];
}

/// <summary>A term without columns.</summary>
internal sealed class FreeRowTerm(BoundTerm term) : RowTerm(term.Type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope) => term.Evaluate(scope.Values).BytesOrNull;
}

/// <summary>A field of a user type.</summary>
internal sealed class FieldRowTerm(RowTerm value, UserType type, int field) : RowTerm(type.Fields[field].Type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope) => value.Evaluate(scope) is { } bytes
        ? CqlSequence.ReadTuple(bytes, type.Fields.Length)[field]
        : null;
}

/// <summary>An element of a map by its key, or of a set by itself.</summary>
internal sealed class ElementRowTerm(RowTerm collection, CqlType type, RowTerm key) : RowTerm(type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        if (collection.Evaluate(scope) is not { } bytes || key.Evaluate(scope) is not { } wanted)
        {
            return null;
        }

        return collection.Type is MapType map ? CollectionAccess.Find(map, bytes, wanted)
            : RowFilters.Contains(collection.Type, bytes, false, wanted) ? wanted : (ReadOnlyMemory<byte>?)null;
    }
}

/// <summary>A slice of a map or set, both ends included.</summary>
internal sealed class SliceRowTerm(RowTerm collection, RowTerm? from, RowTerm? to) : RowTerm(collection.Type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        if (collection.Evaluate(scope) is not { } bytes)
        {
            return null;
        }

        var (key, stride) = Type is MapType map ? (map.Key, 2) : (((SetType)Type).Element, 1);
        var low = from?.Evaluate(scope);
        var high = to?.Evaluate(scope);
        var parts = CqlSequence.ReadCollection(bytes).Chunk(stride)
            .Where(part => (low is not { } l || CqlComparer.Compare(key, part[0], l) >= 0)
                && (high is not { } h || CqlComparer.Compare(key, part[0], h) <= 0))
            .SelectMany(part => part).ToList();
        return stride == 2 ? CqlSequence.WriteMap(parts) : CqlSequence.WriteList(parts);
    }
}

/// <summary>A function of terms.</summary>
internal sealed class FunctionRowTerm(ICqlFunction function, IReadOnlyList<RowTerm> arguments) : RowTerm(function.ReturnType)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        var given = new ReadOnlyMemory<byte>?[arguments.Count];
        for (var index = 0; index < given.Length; index++)
        {
            given[index] = arguments[index].Evaluate(scope);
        }

        return function.Invoke(given, scope.Values.Functions);
    }
}

/// <summary>A value of one type that is, as it is, one of another.</summary>
internal sealed class RetypedRowTerm(CqlType type, RowTerm value) : RowTerm(type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope) => value.Evaluate(scope);
}

/// <summary>A tuple or a user type's value made of terms.</summary>
internal sealed class FieldsRowTerm(CqlType type, IReadOnlyList<RowTerm?> fields) : RowTerm(type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        var values = new ReadOnlyMemory<byte>?[fields.Count];
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = fields[index]?.Evaluate(scope);
        }

        return CqlSequence.WriteTuple(values);
    }
}

/// <summary>A collection made of terms: of a map, of keys and values in turn.</summary>
internal sealed class CollectionRowTerm(CqlType type, IReadOnlyList<RowTerm> parts) : RowTerm(type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        var values = new List<ReadOnlyMemory<byte>>(parts.Count);
        foreach (var part in parts)
        {
            values.Add(part.Evaluate(scope) ?? throw CqlException.Invalid("null is not supported inside collections"));
        }

        return CollectionValues.Of(Type, values);
    }
}

/// <summary>The token of a row's partition key.</summary>
internal sealed class TokenRowTerm(IReadOnlyList<RowTerm> arguments) : RowTerm(CqlTypes.Bigint)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        var parts = new ReadOnlyMemory<byte>[arguments.Count];
        for (var index = 0; index < parts.Length; index++)
        {
            if (arguments[index].Evaluate(scope) is not { } part)
            {
                return null;
            }

            parts[index] = part;
        }

        return CqlBytes.Of(Murmur3Token.Of(Murmur3Token.SerializeKey(parts)));
    }
}

/// <summary>An aggregate of the group.</summary>
internal sealed class AggregateRowTerm(CqlType type, int position) : RowTerm(type)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope) =>
        scope.Aggregations[position].Result(scope.Values.Functions);
}

/// <summary>writetime() and ttl() of a column, or of an element of it.</summary>
/// <param name="column">The column.</param>
/// <param name="path">Gives the element's path; null for the column's only cell.</param>
/// <param name="isTimeToLive">Whether it is ttl().</param>
internal sealed class CellRowTerm(ColumnDefinition column, Func<RowScope, byte[]?>? path, bool isTimeToLive)
    : RowTerm(isTimeToLive ? CqlTypes.Int : CqlTypes.Bigint)
{
    public override ReadOnlyMemory<byte>? Evaluate(in RowScope scope)
    {
        if (scope.Row is not { } row)
        {
            return null;
        }

        var wanted = path?.Invoke(scope);
        foreach (ref readonly var cell in row.CellsOf(column))
        {
            if (wanted is null || cell.Path.Span.SequenceEqual(wanted))
            {
                return isTimeToLive ? TimeToLive(cell, scope.Values.Functions.NowMilliseconds) : CqlBytes.Of(cell.TimestampMicros);
            }
        }

        return null;
    }

    private static ReadOnlyMemory<byte>? TimeToLive(in RowCell cell, long nowMilliseconds) => cell.Kind == CellKind.Expiring
        ? (ReadOnlyMemory<byte>?)CqlBytes.Of((int)Math.Max(0, (cell.TimeMilliseconds - nowMilliseconds) / 1000))
        : null;
}

/// <summary>count(*): the rows of a group.</summary>
internal sealed class RowCount : ICqlAggregate
{
    public static readonly RowCount Instance = new();

    public string Name => "count";

    public IReadOnlyList<CqlType> ArgumentTypes => [];

    public CqlType ReturnType => CqlTypes.Bigint;

    public ICqlAggregation Start() => new Counting();

    private sealed class Counting : ICqlAggregation
    {
        private long _rows;

        public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context) => _rows++;

        public ReadOnlyMemory<byte>? Result(in FunctionContext context) => CqlBytes.Of(_rows);
    }
}
