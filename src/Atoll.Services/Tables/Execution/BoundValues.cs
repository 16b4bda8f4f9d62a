using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a statement is executed with: its values, checked against the types of their markers, and the time.</summary>
internal sealed class BoundValues
{
    private readonly CqlValue[] _values;

    private BoundValues(CqlValue[] values, in FunctionContext functions)
    {
        _values = values;
        Functions = functions;
    }

    /// <summary>What functions may know.</summary>
    public FunctionContext Functions { get; }

    /// <summary>The value of a marker.</summary>
    public CqlValue this[int marker] => _values[marker];

    /// <summary>Puts values to markers.</summary>
    /// <exception cref="CqlException">There are too few or too many, or one is no value of its marker's type.</exception>
    public static BoundValues Bind(
        Markers markers, IReadOnlyList<CqlValue> positional, IReadOnlyDictionary<string, CqlValue>? named, in FunctionContext functions)
    {
        var specs = markers.Specs;
        var values = new CqlValue[specs.Count];
        if (named is null && positional.Count != specs.Count)
        {
            throw CqlException.Invalid(
                $"there were {specs.Count} markers(?) in CQL but {positional.Count} bound variables");
        }

        for (var index = 0; index < values.Length; index++)
        {
            var spec = specs[index];
            if (named is null)
            {
                values[index] = positional[index];
            }
            else
            {
                // A name that isn't given is not set, as in Cassandra.
                values[index] = named.TryGetValue(spec.Name, out var value) ? value : CqlValue.Unset;
            }

            if (values[index].BytesOrNull is { } bytes)
            {
                if (CqlValidation.Error(spec.Type, bytes) is { } error)
                {
                    throw CqlException.Invalid(error);
                }

                values[index] = CqlValue.Of(CollectionValues.Normalize(spec.Type, bytes));
            }
        }

        return new BoundValues(values, functions);
    }
}
