using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Atoll.StateMachines.Inspection;

namespace Atoll.Output;

/// <summary>Keys and values as they are on disk, for people: text when they are printable, else hexadecimal.</summary>
internal static class StoredText
{
    private const int TreeBytes = 8;
    private const int ShownBytesMax = 160;

    /// <summary>Bytes: in quotes when all of them are printable text, else <c>0x</c> and digits; long ones are cut.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var isCut = bytes.Length > ShownBytesMax;
        var shown = isCut ? bytes[..ShownBytesMax] : bytes;
        var text = IsPrintable(shown, isCut) ? $"\"{Encoding.UTF8.GetString(shown)}\"" : $"0x{Convert.ToHexStringLower(shown)}";
        return isCut ? $"{text}.. ({bytes.Length} bytes)" : text;
    }

    /// <summary>A key as files of the store have it: tree, section, and the key in it.</summary>
    public static string OfKey(ReadOnlyMemory<byte> key)
    {
        if (key.Length < TreeBytes)
        {
            return Of(key.Span);
        }

        var tree = $"tree {BinaryPrimitives.ReadUInt64BigEndian(key.Span)}";
        return key.Length == TreeBytes ? tree : $"{tree} {OfKey(key.Span[TreeBytes], key[(TreeBytes + 1)..])}";
    }

    /// <summary>Where a range of keys ends, in words: the first key behind another is that one and a zero byte.</summary>
    public static string OfEnd(ReadOnlyMemory<byte> end) =>
        end.Length > TreeBytes + 1 && end.Span[^1] == 0 ? $"through {OfKey(end[..^1])}" : $"to before {OfKey(end)}";

    /// <summary>A key of a section.</summary>
    public static string OfKey(byte section, ReadOnlyMemory<byte> key)
    {
        var prefix = StateSectionNames.Prefix(section, key, out var rest);
        var parts = new[] { StateSectionNames.Of(section), prefix, rest.IsEmpty ? "" : Of(rest.Span) };
        return string.Join(' ', parts.Where(static part => part.Length > 0));
    }

    /// <summary>The bytes that a command line means: hexadecimal digits behind <c>0x</c>, else the text itself.</summary>
    public static byte[] Parse(string? text)
    {
        if (text is null)
        {
            return [];
        }

        try
        {
            return text.StartsWith("0x", StringComparison.Ordinal) ? Convert.FromHexString(text.AsSpan(2)) : Encoding.UTF8.GetBytes(text);
        }
        catch (FormatException)
        {
            throw new CommandException($"\"{text}\" begins like a hexadecimal number and is none");
        }
    }

    /// <summary>Bytes as JSON: both ways to read them.</summary>
    public static void WriteJson(Utf8JsonWriter writer, string name, ReadOnlySpan<byte> bytes)
    {
        if (IsPrintable(bytes, mayBeCut: false))
        {
            writer.WriteString(name, bytes);
        }
        else
        {
            writer.WriteString(name + "Hex", Convert.ToHexStringLower(bytes));
        }
    }

    private static bool IsPrintable(ReadOnlySpan<byte> bytes, bool mayBeCut)
    {
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status == System.Buffers.OperationStatus.NeedMoreData && mayBeCut)
            {
                return true;
            }

            if (status != System.Buffers.OperationStatus.Done || Rune.IsControl(rune))
            {
                return false;
            }

            bytes = bytes[used..];
        }

        return true;
    }
}
