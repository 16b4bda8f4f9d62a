using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Whether a row is wanted, once the markers have their values.</summary>
/// <param name="values">The markers' values.</param>
internal delegate Func<RowView, bool> RowFilter(BoundValues values);

/// <summary>Relations as filters of rows.</summary>
internal static class RowFilters
{
    /// <summary>A column compared with a value.</summary>
    public static RowFilter Compare(int column, CqlType type, string name, RelationOperator operation, BoundTerm term) => values =>
    {
        var wanted = KeyValues.Required(term.Evaluate(values), name);
        return row => row[column] is { } value && Holds(operation, CqlComparer.Compare(type, value, wanted));
    };

    /// <summary>A column among values.</summary>
    public static RowFilter In(int column, CqlType type, KeyValues wanted) => values =>
    {
        var set = wanted.Evaluate(values);
        return row => row[column] is { } value && set.Any(candidate => CqlComparer.Compare(type, value, candidate) == 0);
    };

    /// <summary>Columns compared with values together, the first first.</summary>
    public static RowFilter CompareTuple(
        IReadOnlyList<int> columns, IReadOnlyList<CqlType> types, IReadOnlyList<string> names, RelationOperator operation,
        IReadOnlyList<BoundTerm> terms) => values =>
        {
            var wanted = terms.Select((term, index) => KeyValues.Required(term.Evaluate(values), names[index])).ToArray();
            return row => CompareTuples(row, columns, types, wanted) is { } order && Holds(operation, order);
        };

    /// <summary>Columns among values together.</summary>
    public static RowFilter InTuples(
        IReadOnlyList<int> columns, IReadOnlyList<CqlType> types,
        Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>> tuples) => values =>
        {
            var wanted = tuples(values).ToArray();
            return row => wanted.Any(tuple => CompareTuples(row, columns, types, tuple) == 0);
        };

    /// <summary>A collection that contains a value, or a map that has a key.</summary>
    public static RowFilter Contains(int column, CqlType type, string name, bool isKey, BoundTerm term) => values =>
    {
        var wanted = KeyValues.Required(term.Evaluate(values), name);
        return row => row[column] is { } value && Contains(type, value, isKey, wanted);
    };

    /// <summary>An element of a map.</summary>
    public static RowFilter Element(
        int column, MapType type, string name, BoundTerm key, RelationOperator operation, BoundTerm term) => values =>
        {
            var wantedKey = KeyValues.Required(key.Evaluate(values), name);
            var wanted = KeyValues.Required(term.Evaluate(values), name);
            return row => row[column] is { } map && CollectionAccess.Find(type, map, wantedKey) is { } value
                && Holds(operation, CqlComparer.Compare(type.Value, value, wanted));
        };

    /// <summary>The token of the partition key.</summary>
    public static RowFilter Token(int keyColumns, RelationOperator operation, BoundTerm term) => values =>
    {
        var wanted = CqlBytes.ToBigint(KeyValues.Required(term.Evaluate(values), "token").Span);
        return row =>
        {
            var key = new ReadOnlyMemory<byte>[keyColumns];
            for (var index = 0; index < keyColumns; index++)
            {
                key[index] = row[index] ?? default;
            }

            return Holds(operation, Murmur3Token.Of(Murmur3Token.SerializeKey(key)).CompareTo(wanted));
        };
    };

    /// <summary>Whether a collection has a value (or a map a key).</summary>
    public static bool Contains(CqlType type, ReadOnlyMemory<byte> collection, bool isKey, ReadOnlyMemory<byte> wanted)
    {
        var parts = CqlSequence.ReadCollection(collection);
        return type switch
        {
            ListType list => parts.Exists(part => CqlComparer.Compare(list.Element, part, wanted) == 0),
            SetType set => parts.Exists(part => CqlComparer.Compare(set.Element, part, wanted) == 0),
            MapType map => parts.Where((_, index) => index % 2 == (isKey ? 0 : 1))
                .Any(part => CqlComparer.Compare(isKey ? map.Key : map.Value, part, wanted) == 0),
            _ => false,
        };
    }

    /// <summary>Whether a comparison that came out so is what the operator asks for.</summary>
    public static bool Holds(RelationOperator operation, int order) => operation switch
    {
        RelationOperator.Equal => order == 0,
        RelationOperator.NotEqual => order != 0,
        RelationOperator.Less => order < 0,
        RelationOperator.LessOrEqual => order <= 0,
        RelationOperator.Greater => order > 0,
        RelationOperator.GreaterOrEqual => order >= 0,
        _ => false,
    };

    private static int? CompareTuples(
        RowView row, IReadOnlyList<int> columns, IReadOnlyList<CqlType> types, IReadOnlyList<ReadOnlyMemory<byte>> wanted)
    {
        for (var index = 0; index < wanted.Count; index++)
        {
            if (row[columns[index]] is not { } value)
            {
                return null;
            }

            var order = CqlComparer.Compare(types[index], value, wanted[index]);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }
}

/// <summary>Parts of collections by key.</summary>
internal static class CollectionAccess
{
    /// <summary>The value of a key of a map; null when the map doesn't have it.</summary>
    public static ReadOnlyMemory<byte>? Find(MapType type, ReadOnlyMemory<byte> map, ReadOnlyMemory<byte> key)
    {
        var parts = CqlSequence.ReadCollection(map);
        for (var index = 0; index + 1 < parts.Count; index += 2)
        {
            if (CqlComparer.Compare(type.Key, parts[index], key) == 0)
            {
                return parts[index + 1];
            }
        }

        return null;
    }
}
