using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>The values that a column of the primary key may have: of an equality one, of IN any number.</summary>
/// <param name="column">The column's name, for errors.</param>
/// <param name="type">Its type.</param>
/// <param name="terms">The values one by one; null when a marker gives them all.</param>
/// <param name="list">The marker for a list of values.</param>
internal sealed class KeyValues(string column, CqlType type, IReadOnlyList<BoundTerm>? terms, BoundTerm? list)
{
    // Each is a read of its own: more would keep a node busy for long, for one statement.
    private const int KeysMax = 64 * 1024;

    private readonly string _column = column;
    private readonly IReadOnlyList<BoundTerm>? _terms = terms;
    private readonly BoundTerm? _list = list;

    /// <summary>Whether it is one value whatever is bound.</summary>
    public bool IsSingle => _terms is { Count: 1 };

    /// <summary>The marker that gives the one value; -1 when it is none.</summary>
    public int MarkerIndex => _terms is [MarkerTerm marker] && IsEquality ? marker.Index : -1;

    /// <summary>Whether it was an equality, not IN.</summary>
    public bool IsEquality { get; init; }

    /// <summary>The values, each once, in the order of their type.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Evaluate(BoundValues values)
    {
        var found = new SortedSet<ReadOnlyMemory<byte>>(CqlComparer.Of(type));
        if (_list is not null)
        {
            var value = _list.Evaluate(values);
            foreach (var element in CqlSequence.ReadCollection(Required(value, _column)))
            {
                found.Add(element);
            }
        }

        foreach (var term in _terms ?? [])
        {
            found.Add(Required(term.Evaluate(values), _column));
        }

        return [.. found];
    }

    /// <summary>The partition's key when the columns' values make one, whatever is bound; else null.</summary>
    /// <exception cref="CqlException">A value is none.</exception>
    public static byte[]? TryEvaluateOne(IReadOnlyList<KeyValues> key, BoundValues values)
    {
        var tuple = new ReadOnlyMemory<byte>[key.Count];
        for (var i = 0; i < tuple.Length; i++)
        {
            if (key[i] is not { _list: null, _terms: [var term] } part)
            {
                return null;
            }

            tuple[i] = Required(term.Evaluate(values), part._column);
        }

        return SerializeKey(tuple);
    }

    /// <summary>The bytes of a partition's key.</summary>
    /// <exception cref="CqlException">It is empty.</exception>
    public static byte[] SerializeKey(ReadOnlyMemory<byte>[] tuple) => tuple.Length == 1 && tuple[0].IsEmpty
        ? throw CqlException.Invalid("Key may not be empty") : Murmur3Token.SerializeKey(tuple);

    /// <summary>Refuses what would make more keys than one statement may ask for.</summary>
    public static void CheckCombinations(long keys)
    {
        if (keys > KeysMax)
        {
            throw CqlException.Invalid($"The IN relations of the statement make {keys} keys, more than {KeysMax}");
        }
    }

    /// <summary>The bytes of a value that may be neither null nor unset.</summary>
    /// <exception cref="CqlException">It is.</exception>
    public static ReadOnlyMemory<byte> Required(CqlValue value, string column) =>
        value.IsUnset ? throw CqlException.Invalid($"Invalid unset value for column {column}")
        : value.BytesOrNull ?? throw CqlException.Invalid($"Invalid null value in condition for column {column}");
}
