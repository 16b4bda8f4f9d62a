using System.Text.Json;
using Atoll.Services.Errors;

namespace Atoll.Gateways.Http;

/// <summary>The public names of errors, as they stand in problem details and in the command line's JSON.</summary>
public static class ErrorNames
{
    /// <summary>The error's name: "outcomeUnknown".</summary>
    public static string Of(ErrorCode code) => JsonNamingPolicy.CamelCase.ConvertName(code.ToString());
}
