using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Collections as values: sets and maps sorted, without doubles.</summary>
internal static class CollectionValues
{
    /// <summary>A collection of elements (of a map: keys and values in turn) in any order; of two equal keys the later stays.</summary>
    public static byte[] Of(CqlType type, IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        switch (type)
        {
            case SetType set:
                var elements = new SortedSet<ReadOnlyMemory<byte>>(parts, CqlComparer.Of(set.Element));
                return CqlSequence.WriteList([.. elements]);
            case MapType map:
                var entries = new SortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(CqlComparer.Of(map.Key));
                for (var index = 0; index + 1 < parts.Count; index += 2)
                {
                    entries[parts[index]] = parts[index + 1];
                }

                return CqlSequence.WriteMap([.. entries.SelectMany(entry => new[] { entry.Key, entry.Value })]);
            default:
                return CqlSequence.WriteList(parts);
        }
    }

    /// <summary>A valid value with its sets and maps sorted, at every level: what clients send need not be.</summary>
    public static ReadOnlyMemory<byte> Normalize(CqlType type, ReadOnlyMemory<byte> value)
    {
        if (!HasCollections(type))
        {
            return value;
        }

        switch (type)
        {
            case ListType list:
                return Of(type, [.. CqlSequence.ReadCollection(value).Select(part => Normalize(list.Element, part))]);
            case SetType set:
                return Of(type, [.. CqlSequence.ReadCollection(value).Select(part => Normalize(set.Element, part))]);
            case MapType map:
                return Of(type, [.. CqlSequence.ReadCollection(value)
                    .Select((part, index) => Normalize(index % 2 == 0 ? map.Key : map.Value, part))]);
            case TupleType tuple:
                return CqlSequence.WriteTuple([.. CqlSequence.ReadTuple(value, tuple.Elements.Length)
                    .Select((field, index) => field is { } some ? Normalize(tuple.Elements[index], some) : (ReadOnlyMemory<byte>?)null)]);
            case UserType user:
                return CqlSequence.WriteTuple([.. CqlSequence.ReadTuple(value, user.Fields.Length)
                    .Select((field, index) => field is { } some ? Normalize(user.Fields[index].Type, some) : (ReadOnlyMemory<byte>?)null)]);
            default:
                return value;
        }
    }

    private static bool HasCollections(CqlType type) => type switch
    {
        ListType list => HasCollections(list.Element),
        SetType or MapType => true,
        TupleType tuple => tuple.Elements.Any(HasCollections),
        UserType user => user.Fields.Any(field => HasCollections(field.Type)),
        _ => false,
    };
}
