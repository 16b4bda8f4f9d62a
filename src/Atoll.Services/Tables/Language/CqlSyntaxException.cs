namespace Atoll.Services.Tables.Language;

#pragma warning disable CA1032 // a syntax error always has a place: the standard constructors would make ones without

/// <summary>A text that is not CQL. The message begins with the place: "line 1:7 no viable alternative at input 'FROM'".</summary>
/// <param name="line">The line, from 1.</param>
/// <param name="column">Characters before the place in its line, from 0.</param>
/// <param name="problem">What is wrong, without the place.</param>
public sealed class CqlSyntaxException(int line, int column, string problem) : Exception($"line {line}:{column} {problem}")
{
    /// <summary>The line of the place, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>Characters before the place in its line, from 0.</summary>
    public int Column { get; } = column;
}
