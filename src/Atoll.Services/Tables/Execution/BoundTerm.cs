using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>A term with its type: it has a value once the markers have theirs.</summary>
/// <param name="type">The type of the value.</param>
internal abstract class BoundTerm(CqlType type)
{
    /// <summary>The type of the value.</summary>
    public CqlType Type { get; } = type;

    /// <summary>The value.</summary>
    public abstract CqlValue Evaluate(BoundValues values);
}

/// <summary>A literal.</summary>
internal sealed class ConstantTerm(CqlType type, CqlValue value) : BoundTerm(type)
{
    public override CqlValue Evaluate(BoundValues values) => value;
}

/// <summary>A bind marker.</summary>
internal sealed class MarkerTerm(CqlType type, int index) : BoundTerm(type)
{
    /// <summary>Which one.</summary>
    public int Index { get; } = index;

    public override CqlValue Evaluate(BoundValues values) => values[Index];
}

/// <summary>A function's value.</summary>
internal sealed class FunctionTerm(ICqlFunction function, IReadOnlyList<BoundTerm> arguments) : BoundTerm(function.ReturnType)
{
    public override CqlValue Evaluate(BoundValues values)
    {
        var given = new ReadOnlyMemory<byte>?[arguments.Count];
        for (var index = 0; index < given.Length; index++)
        {
            var value = arguments[index].Evaluate(values);
            given[index] = value.IsUnset
                ? throw CqlException.Invalid($"Invalid unset value for argument in call to function {function.Name}")
                : value.BytesOrNull;
        }

        return CqlValue.Of(function.Invoke(given, values.Functions));
    }
}

/// <summary>The token of values of the partition key.</summary>
internal sealed class TokenTerm(IReadOnlyList<BoundTerm> arguments) : BoundTerm(CqlTypes.Bigint)
{
    public override CqlValue Evaluate(BoundValues values)
    {
        var parts = new ReadOnlyMemory<byte>[arguments.Count];
        for (var index = 0; index < parts.Length; index++)
        {
            var value = arguments[index].Evaluate(values);
            if (value.IsNull || value.IsUnset)
            {
                return CqlValue.Null;
            }

            parts[index] = value.Bytes;
        }

        return CqlValue.Of(CqlBytes.Of(Murmur3Token.Of(Murmur3Token.SerializeKey(parts))));
    }
}

/// <summary>A list, set or map made of terms.</summary>
/// <param name="type">The collection's type.</param>
/// <param name="parts">The elements; of a map keys and values in turn.</param>
internal sealed class CollectionTerm(CqlType type, IReadOnlyList<BoundTerm> parts) : BoundTerm(type)
{
    public override CqlValue Evaluate(BoundValues values)
    {
        var evaluated = new List<ReadOnlyMemory<byte>>(parts.Count);
        foreach (var part in parts)
        {
            var value = part.Evaluate(values);
            if (value.IsUnset)
            {
                return CqlValue.Unset;
            }

            evaluated.Add(value.BytesOrNull ?? throw CqlException.Invalid("null is not supported inside collections"));
        }

        return CqlValue.Of(CollectionValues.Of(Type, evaluated));
    }
}

/// <summary>A tuple or a user type's value made of terms.</summary>
internal sealed class FieldsTerm(CqlType type, IReadOnlyList<BoundTerm?> fields) : BoundTerm(type)
{
    public override CqlValue Evaluate(BoundValues values)
    {
        var evaluated = new ReadOnlyMemory<byte>?[fields.Count];
        for (var index = 0; index < evaluated.Length; index++)
        {
            var value = fields[index]?.Evaluate(values) ?? CqlValue.Null;
            evaluated[index] = value.IsUnset
                ? throw CqlException.Invalid("Invalid unset value inside a tuple or user type")
                : value.BytesOrNull;
        }

        return CqlValue.Of(CqlSequence.WriteTuple(evaluated));
    }
}
