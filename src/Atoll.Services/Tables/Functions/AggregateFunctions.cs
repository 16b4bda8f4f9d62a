using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// count, min, max, sum and avg. None counts nulls. Sums and averages have the type of what they are of (of counters: bigint), and are 0
/// of nothing; a sum that is too large for its type loses its upper bits, an average doesn't.
/// </summary>
internal static class AggregateFunctions
{
    /// <summary>Their names.</summary>
    public static readonly IReadOnlyList<string> Names = ["avg", "count", "max", "min", "sum"];

    /// <summary>The aggregate of a name; null when there is none.</summary>
    /// <exception cref="CqlException">It takes no such arguments.</exception>
    public static ICqlAggregate? TryFind(string name, IReadOnlyList<CqlType?> argumentTypes)
    {
        if (!Names.Contains(name))
        {
            return null;
        }

        if (argumentTypes.Count != 1)
        {
            throw CqlException.Invalid(
                $"Invalid number of arguments in call to function system.{name}: 1 required but {argumentTypes.Count} provided");
        }

        if (name == "count")
        {
            return new NativeAggregate(name, argumentTypes[0] ?? CqlTypes.Text, CqlTypes.Bigint, static () => new Counting());
        }

        var type = argumentTypes[0] ?? throw CqlException.Invalid(
            $"Ambiguous call to function {name}: the type of its argument is not known, use a type hint to disambiguate");
        if (name is "min" or "max")
        {
            var sign = name == "min" ? -1 : 1;
            return CqlComparer.IsOrdered(type)
                ? new NativeAggregate(name, type, type.Freeze(), () => new Extreme(type, sign))
                : throw CqlException.Invalid($"Invalid call to function {name}: values of type {type} have no order");
        }

        if (!Numbers.IsNumeric(type))
        {
            throw CqlException.Invalid($"Invalid call to function {name}: values of type {type} are no numbers");
        }

        var result = type.Code == CqlTypeCode.Counter ? CqlTypes.Bigint : type;
        var isAverage = name == "avg";
        return new NativeAggregate(name, type, result, () => type.Code switch
        {
            CqlTypeCode.Decimal => new DecimalSum(isAverage),
            CqlTypeCode.Double or CqlTypeCode.Float => new FloatingSum(type, isAverage),
            _ => new IntegerSum(type, result, isAverage),
        });
    }

    private sealed class NativeAggregate(string name, CqlType argumentType, CqlType returnType, Func<ICqlAggregation> start) : ICqlAggregate
    {
        public string Name { get; } = "system." + name;

        public IReadOnlyList<CqlType> ArgumentTypes { get; } = [argumentType];

        public CqlType ReturnType { get; } = returnType;

        public ICqlAggregation Start() => start();
    }
}
