using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Atoll.Importing;

/// <summary>Makes a row's key out of its fields.</summary>
internal sealed class RowKeys
{
    private readonly RowOptions _options;
    private readonly byte[] _separator;
    private readonly byte[][] _names;
    private int[]? _columns;

    public RowKeys(RowOptions options)
    {
        if (options.KeyFields.Count == 0)
        {
            throw new RowFormatException("at least one key field is needed");
        }

        _options = options;
        _separator = Encoding.UTF8.GetBytes(options.KeySeparator);
        _names = [.. options.KeyFields.Select(Encoding.UTF8.GetBytes)];
        if (options.Format == RowFormat.Csv && !options.HasHeader)
        {
            _columns = [.. options.KeyFields.Select(field => Number(field)
                ?? throw new RowFormatException($"without a header, a key field is a column's number from 1 on, not \"{field}\""))];
        }
    }

    /// <summary>Learns the columns from the first row of a CSV file with a header.</summary>
    public void SetHeader(ReadOnlySpan<byte> row)
    {
        var names = new List<string>();
        foreach (var field in Fields(row))
        {
            names.Add(Encoding.UTF8.GetString(field));
        }

        _columns = [.. _options.KeyFields.Select(field => names.IndexOf(field) is >= 0 and var at ? at : Number(field) is { } number
            && number < names.Count
            ? number
            : throw new RowFormatException($"the header has no field \"{field}\"; it has {string.Join(", ", names)}"))];
    }

    /// <summary>The key of a row.</summary>
    /// <exception cref="RowFormatException">A key field is missing or empty.</exception>
    public byte[] KeyOf(ReadOnlySpan<byte> row, long number)
    {
        var values = _options.Format switch
        {
            RowFormat.Csv => OfColumns(row, number),
            RowFormat.Stanzas => OfStanza(row, number),
            _ => OfJson(row, number),
        };
        var length = values.Sum(value => value.Length) + (_separator.Length * (values.Length - 1));
        if (length == 0)
        {
            throw new RowFormatException(number, "its key is empty");
        }

        var key = new List<byte>(length);
        for (var i = 0; i < values.Length; i++)
        {
            if (i > 0)
            {
                key.AddRange(_separator);
            }

            key.AddRange(values[i]);
        }

        return [.. key];
    }

    private static int? Number(string field) =>
        int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 ? number - 1 : null;

    private byte[][] OfColumns(ReadOnlySpan<byte> row, long number)
    {
        var fields = Fields(row.TrimEnd((byte)'\r'));
        return Array.ConvertAll(_columns!, column => column < fields.Count
            ? fields[column]
            : throw new RowFormatException(number, $"it has {fields.Count} fields, and the key is in field {column + 1}"));
    }

    private List<byte[]> Fields(ReadOnlySpan<byte> row)
    {
        row = row.TrimEnd((byte)'\r');
        var fields = new List<byte[]>();
        while (true)
        {
            if (_options.HasQuotes && !row.IsEmpty && row[0] == '"')
            {
                row = row[Quoted(row, out var value)..];
                fields.Add(value);
                if (row.IsEmpty)
                {
                    return fields;
                }

                row = row[1..];
                continue;
            }

            var end = row.IndexOf(_options.Delimiter);
            fields.Add((end < 0 ? row : row[..end]).ToArray());
            if (end < 0)
            {
                return fields;
            }

            row = row[(end + 1)..];
        }
    }

    /// <summary>A field in quotes; returns where the delimiter behind it is, or the row's end.</summary>
    private int Quoted(ReadOnlySpan<byte> row, out byte[] value)
    {
        var bytes = new List<byte>();
        var i = 1;
        for (; i < row.Length; i++)
        {
            if (row[i] == '"')
            {
                if (i + 1 >= row.Length || row[i + 1] != '"')
                {
                    break;
                }

                i++;
            }

            bytes.Add(row[i]);
        }

        value = [.. bytes];
        var rest = i + 1 < row.Length ? row[(i + 1)..].IndexOf(_options.Delimiter) : -1;
        return rest < 0 ? row.Length : i + 1 + rest;
    }

    private byte[][] OfStanza(ReadOnlySpan<byte> row, long number)
    {
        var values = new byte[_names.Length][];
        foreach (var range in row.Split((byte)'\n'))
        {
            var line = row[range];
            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[0] is (byte)' ' or (byte)'\t')
            {
                continue;
            }

            for (var i = 0; i < _names.Length; i++)
            {
                if (values[i] is null && line[..colon].SequenceEqual(_names[i]))
                {
                    values[i] = line[(colon + 1)..].Trim(" \t\r"u8).ToArray();
                }
            }
        }

        var missing = Array.FindIndex(values, value => value is null);
        return missing < 0 ? values : throw new RowFormatException(number, $"it has no field \"{_options.KeyFields[missing]}\"");
    }

    private byte[][] OfJson(ReadOnlySpan<byte> row, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(row.ToArray());
            return [.. _options.KeyFields.Select(field =>
                document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty(field, out var value)
                    ? throw new RowFormatException(number, $"it has no member \"{field}\"")
                    : value.ValueKind switch
                    {
                        JsonValueKind.String => Encoding.UTF8.GetBytes(value.GetString()!),
                        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => Encoding.UTF8.GetBytes(value.GetRawText()),
                        _ => throw new RowFormatException(number, $"its member \"{field}\" is neither text nor a number"),
                    })];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The latter for strings that are JSON and no text: half a surrogate pair, bytes that are not UTF-8.
            throw new RowFormatException(number, $"it is not JSON: {error.Message}");
        }
    }
}
