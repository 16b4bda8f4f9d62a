namespace Atoll.Importing;

/// <summary>How a file is cut into rows, and rows into fields.</summary>
public enum RowFormat
{
    /// <summary>Rows of fields with a delimiter between them; quoted fields may hold delimiters and line ends (RFC 4180).</summary>
    Csv,

    /// <summary>A JSON object a line.</summary>
    JsonLines,

    /// <summary>Paragraphs of "Field: value" lines, blank lines between them (Debian's control files).</summary>
    Stanzas,
}

/// <summary>How to read a file of rows.</summary>
public sealed record RowOptions
{
    /// <summary>How the file is cut.</summary>
    public RowFormat Format { get; init; } = RowFormat.Csv;

    /// <summary>The fields whose values make the key, by name, or from 1 on by number.</summary>
    public required IReadOnlyList<string> KeyFields { get; init; }

    /// <summary>What stands between the values of several key fields.</summary>
    public string KeySeparator { get; init; } = "/";

    /// <summary>For CSV: the byte between fields.</summary>
    public byte Delimiter { get; init; } = (byte)',';

    /// <summary>For CSV: whether the first row names the fields.</summary>
    public bool HasHeader { get; init; } = true;

    /// <summary>For CSV: whether a field may be put in double quotes.</summary>
    public bool HasQuotes { get; init; } = true;

    /// <summary>The longest row; a longer one is an error of the file (a quote that never ends, say).</summary>
    public int RowBytesMax { get; init; } = Atoll.Foundation.Limits.ValueBytesMax;
}

/// <summary>A file does not hold what it should.</summary>
public sealed class RowFormatException : Exception
{
    /// <summary>An error with the row's number, from 1.</summary>
    public RowFormatException(long row, string message) : base($"row {row}: {message}")
    {
    }

    /// <summary>An error without a row.</summary>
    public RowFormatException(string message) : base(message)
    {
    }

    /// <summary>An error without words.</summary>
    public RowFormatException()
    {
    }

    /// <summary>An error with a cause.</summary>
    public RowFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
