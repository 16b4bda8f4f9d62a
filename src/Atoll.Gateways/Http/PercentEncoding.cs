using System.Diagnostics.CodeAnalysis;

namespace Atoll.Gateways.Http;

/// <summary>
/// Keys in request targets: any bytes, percent-encoded (RFC 3986, 2.1). The server's own decoding gives text, which not every key
/// is, and folds dots: so targets are read as they came.
/// </summary>
public static class PercentEncoding
{
    /// <summary>Decodes; false when a percent sign is not followed by two hexadecimal digits.</summary>
    /// <param name="text">The encoded text; characters beyond ASCII stand for their UTF-8 bytes.</param>
    /// <param name="plusIsBlank">Whether '+' means a blank, as in the queries that forms make.</param>
    /// <param name="bytes">The bytes.</param>
    public static bool TryDecode(ReadOnlySpan<char> text, bool plusIsBlank, [NotNullWhen(true)] out byte[]? bytes)
    {
        var utf8 = new byte[System.Text.Encoding.UTF8.GetByteCount(text)];
        System.Text.Encoding.UTF8.GetBytes(text, utf8);
        var length = 0;
        for (var i = 0; i < utf8.Length; i++)
        {
            var value = utf8[i];
            if (value == '%')
            {
                if (i + 2 >= utf8.Length || !char.IsAsciiHexDigit((char)utf8[i + 1]) || !char.IsAsciiHexDigit((char)utf8[i + 2]))
                {
                    bytes = null;
                    return false;
                }

                value = (byte)((HexValue(utf8[i + 1]) << 4) | HexValue(utf8[i + 2]));
                i += 2;
            }
            else if (value == '+' && plusIsBlank)
            {
                value = (byte)' ';
            }

            utf8[length++] = value;
        }

        bytes = utf8[..length];
        return true;
    }

    /// <summary>A parameter of a raw query ("?a=b&amp;c"): null when it is absent.</summary>
    /// <returns>False when it is there and cannot be decoded.</returns>
    public static bool TryGetParameter(string query, string name, out byte[]? value)
    {
        value = null;
        foreach (var range in query.AsSpan().TrimStart('?').Split('&'))
        {
            var pair = query.AsSpan().TrimStart('?')[range];
            var equals = pair.IndexOf('=');
            var found = equals < 0 ? pair : pair[..equals];
            if (found.Equals(name, StringComparison.Ordinal))
            {
                return TryDecode(equals < 0 ? [] : pair[(equals + 1)..], plusIsBlank: true, out value);
            }
        }

        return true;
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
