using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>Finds among functions of one name the one that a call means.</summary>
internal static class Signatures
{
    /// <summary>The function whose arguments fit best: one with exactly these types first, else the only one that takes them.</summary>
    /// <exception cref="CqlException">None fits, or more than one.</exception>
    public static ICqlFunction Choose(
        string name, IReadOnlyList<ICqlFunction> overloads, IReadOnlyList<CqlType?> argumentTypes, CqlType? expected)
    {
        if (overloads.Count == 1)
        {
            Require(name, overloads[0], argumentTypes);
            return overloads[0];
        }

        var fitting = overloads.Where(overload => overload.ArgumentTypes.Count == argumentTypes.Count
            && overload.ArgumentTypes.Zip(argumentTypes)
                .All(pair => pair.Second is null || IsAssignable(pair.Second, pair.First))).ToList();
        var exact = fitting.Where(overload => overload.ArgumentTypes.Zip(argumentTypes)
            .All(pair => pair.Second is null || pair.Second.Freeze().Equals(pair.First.Freeze()))).ToList();
        var best = exact.Count > 0 ? exact : fitting;
        if (best.Count > 1 && expected is not null)
        {
            best = best.Where(overload => IsAssignable(overload.ReturnType, expected)).ToList() is { Count: > 0 } returning
                ? returning : best;
        }

        return best.Count switch
        {
            1 => best[0],
            0 => throw CqlException.Invalid(
                $"Invalid call to function {name}, none of its type signatures match (known type signatures: {Join(overloads)})"),
            _ => throw CqlException.Invalid(
                $"Ambiguous call to function {name} (can be matched by following signatures: {Join(best)}): "
                + "use type casts to disambiguate"),
        };
    }

    /// <summary>Whether the bytes of one type are a value of the other, meaning the same.</summary>
    public static bool IsAssignable(CqlType from, CqlType to) =>
        from.Freeze().Equals(to.Freeze())
        || (from.Code, to.Code) is (_, CqlTypeCode.Blob)
            or (CqlTypeCode.Ascii, CqlTypeCode.Varchar)
            or (CqlTypeCode.Timeuuid, CqlTypeCode.Uuid)
            or (CqlTypeCode.Counter, CqlTypeCode.Bigint)
            or (CqlTypeCode.Bigint or CqlTypeCode.Counter, CqlTypeCode.Timestamp or CqlTypeCode.Varint)
            or (CqlTypeCode.Timestamp, CqlTypeCode.Bigint)
            or (CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Tinyint, CqlTypeCode.Varint);

    private static void Require(string name, ICqlFunction function, IReadOnlyList<CqlType?> argumentTypes)
    {
        if (function.ArgumentTypes.Count != argumentTypes.Count)
        {
            throw CqlException.Invalid(
                $"Invalid number of arguments in call to function {function.Name}: {function.ArgumentTypes.Count} required but "
                + $"{argumentTypes.Count} provided");
        }

        for (var i = 0; i < argumentTypes.Count; i++)
        {
            if (argumentTypes[i] is { } type && !IsAssignable(type, function.ArgumentTypes[i]))
            {
                throw CqlException.Invalid(
                    $"Type error: an argument of type {type} cannot be passed as argument {i} of function {name} of type "
                    + function.ArgumentTypes[i]);
            }
        }
    }

    private static string Join(IEnumerable<ICqlFunction> functions) => string.Join(", ", functions);
}
