using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Groups;

#pragma warning disable CA1032 // it always says the same of a pattern

/// <summary>What names of topics are to match is no expression.</summary>
/// <param name="pattern">What it is.</param>
/// <param name="why">Why it is none.</param>
public sealed class InvalidPatternException(string pattern, Exception why) : AtollException(
    ErrorCode.Invalid, $"\"{pattern}\" is no expression that names of topics can be matched with: {why.Message}", why);

#pragma warning restore CA1032
