using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// The built-in functions, each under the name that Cassandra 4 has for it and the one with underscores of later versions
/// ("blobasint" and "blob_as_int"). There are no others: CREATE FUNCTION is refused.
/// </summary>
public sealed class FunctionRegistry : IFunctionRegistry
{
    private readonly Dictionary<string, List<ICqlFunction>> _functions = new(StringComparer.Ordinal);

    private FunctionRegistry()
    {
        foreach (var (names, function) in TimeFunctions.All().Concat(BlobFunctions.All()))
        {
            foreach (var name in names)
            {
                if (!_functions.TryGetValue(name, out var overloads))
                {
                    _functions[name] = overloads = [];
                }

                overloads.Add(function);
            }
        }
    }

    /// <summary>The built-in functions.</summary>
    public static FunctionRegistry BuiltIn { get; } = new();

    /// <summary>The names of all functions and aggregates, in order.</summary>
    public IEnumerable<string> Names => _functions.Keys.Concat(AggregateFunctions.Names).Concat(JsonFunctions.Names)
        .Order(StringComparer.Ordinal);

    /// <inheritdoc />
    public ICqlFunction? FindFunction(
        QualifiedName name, IReadOnlyList<CqlType?> argumentTypes, CqlType? expected, TableDefinition? table)
    {
        if (!IsBuiltIn(name))
        {
            return null;
        }

        return JsonFunctions.TryFind(name.Name, argumentTypes, expected)
            ?? (_functions.TryGetValue(name.Name, out var overloads)
                ? Signatures.Choose(name.Name, overloads, argumentTypes, expected) : null);
    }

    /// <inheritdoc />
    public ICqlAggregate? FindAggregate(QualifiedName name, IReadOnlyList<CqlType?> argumentTypes) =>
        IsBuiltIn(name) ? AggregateFunctions.TryFind(name.Name, argumentTypes) : null;

    /// <inheritdoc />
    public ICqlFunction FindCast(CqlType from, CqlType to) => CastFunctions.TryFind(from, to)
        ?? throw CqlException.Invalid($"{from} cannot be cast to {to}");

    /// <inheritdoc />
    public ICqlFunction FindOperator(ArithmeticOperator operation, CqlType? left, CqlType? right, CqlType? expected) =>
        Operators.Find(operation, left, right, expected);

    /// <inheritdoc />
    public ICqlFunction FindNegation(CqlType operand) => Operators.FindNegation(operand);

    private static bool IsBuiltIn(QualifiedName name) => name.Keyspace is null or "system";
}
