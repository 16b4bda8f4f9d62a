namespace Atoll.Importing;

/// <summary>Finds where rows end, without looking into them further than that needs.</summary>
internal static class RowCutter
{
    /// <summary>Looks for the end of the row at the start of the bytes.</summary>
    /// <param name="bytes">What has been read, from a row's start.</param>
    /// <param name="isLast">Whether nothing follows.</param>
    /// <param name="options">How the file is cut.</param>
    /// <param name="rowBytes">The row's length without what ends it.</param>
    /// <param name="takenBytes">The row's length with what ends it.</param>
    /// <returns>False when the end is not among the bytes.</returns>
    public static bool TryCut(ReadOnlySpan<byte> bytes, bool isLast, RowOptions options, out int rowBytes, out int takenBytes)
    {
        (rowBytes, takenBytes) = (0, 0);
        if (bytes.IsEmpty)
        {
            return false;
        }

        var found = options.Format switch
        {
            RowFormat.Csv when options.HasQuotes => TryCutQuoted(bytes, options.Delimiter, out rowBytes, out takenBytes),
            RowFormat.Stanzas => TryCutStanza(bytes, isLast, out rowBytes, out takenBytes),
            _ => TryCutLine(bytes, out rowBytes, out takenBytes),
        };
        if (!found && isLast && !bytes.IsEmpty)
        {
            rowBytes = takenBytes = bytes.Length;
            return true;
        }

        return found;
    }

    private static bool TryCutLine(ReadOnlySpan<byte> bytes, out int rowBytes, out int takenBytes)
    {
        rowBytes = bytes.IndexOf((byte)'\n');
        takenBytes = rowBytes + 1;
        return rowBytes >= 0;
    }

    /// <summary>A line end within quotes does not end the row. A quote opens a field only at its start.</summary>
    private static bool TryCutQuoted(ReadOnlySpan<byte> bytes, byte delimiter, out int rowBytes, out int takenBytes)
    {
        var line = bytes.IndexOf((byte)'\n');
        if (line >= 0 && bytes[..line].IndexOf((byte)'"') < 0)
        {
            (rowBytes, takenBytes) = (line, line + 1);
            return true;
        }

        var isQuoted = false;
        var atStart = true;
        for (var i = 0; i < bytes.Length; i++)
        {
            var b = bytes[i];
            if (isQuoted)
            {
                // A doubled quote closes and opens again at once: the same in effect.
                isQuoted = b != '"';
                atStart = b == '"';
                continue;
            }

            if (b == '\n')
            {
                (rowBytes, takenBytes) = (i, i + 1);
                return true;
            }

            isQuoted = b == '"' && atStart;
            atStart = b == delimiter;
        }

        (rowBytes, takenBytes) = (0, 0);
        return false;
    }

    /// <summary>A stanza ends with its last line; the blank lines around it belong to nobody.</summary>
    private static bool TryCutStanza(ReadOnlySpan<byte> bytes, bool isLast, out int rowBytes, out int takenBytes)
    {
        // Those before the first stanza, and those behind one that had not arrived when it was cut: an empty row.
        (rowBytes, takenBytes) = (0, Math.Max(0, bytes.IndexOfAnyExcept((byte)'\n')));
        if (takenBytes > 0)
        {
            return true;
        }

        var end = bytes.IndexOf("\n\n"u8);
        if (end < 0)
        {
            if (!isLast)
            {
                return false;
            }

            var whole = bytes.TrimEnd((byte)'\n');
            (rowBytes, takenBytes) = (whole.Length, bytes.Length);
            return true;
        }

        var next = end + 2;
        while (next < bytes.Length && bytes[next] == '\n')
        {
            next++;
        }

        (rowBytes, takenBytes) = (end, next);
        return true;
    }
}
