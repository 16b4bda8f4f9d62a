using System.Text;

namespace Atoll.MessageCodecs;

/// <summary>C# in the making: lines with braces and their indentation.</summary>
internal sealed class CodeText
{
    private readonly StringBuilder _text = new();
    private int _depth;

    /// <summary>A line; none when it is empty.</summary>
    public void Line(string line = "") => _text.Append(' ', line.Length == 0 ? 0 : 4 * _depth).Append(line).Append('\n');

    /// <summary>A line, and what is in braces below it until <see cref="Close"/>.</summary>
    public void Open(string line)
    {
        Line(line);
        Line("{");
        _depth++;
    }

    /// <summary>The brace behind what was opened last.</summary>
    public void Close(string behind = "")
    {
        _depth--;
        Line("}" + behind);
    }

    /// <summary>Opens a block under a condition; none when the condition is empty. Tells whether it did.</summary>
    public bool OpenIf(string condition)
    {
        if (condition.Length > 0)
        {
            Open($"if ({condition})");
        }

        return condition.Length > 0;
    }

    /// <inheritdoc />
    public override string ToString() => _text.ToString();
}
