using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>The errors of functions that are running.</summary>
internal static class FunctionErrors
{
    /// <summary>An operation has no result for its operands.</summary>
    public static CqlException Failed(string operation, IReadOnlyList<CqlType> types, string why) => new(
        CqlErrorCode.FunctionFailure,
        $"the operation '{string.Join($" {operation} ", types)}' failed: {why}",
        new FunctionFailureDetails("system", operation, [.. types.Select(type => type.ToString())]));
}
