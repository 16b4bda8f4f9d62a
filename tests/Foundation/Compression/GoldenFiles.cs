using System.Text;

namespace Atoll.Foundation.Tests.Compression;

/// <summary>
/// What other programs compressed: the files of the folder Golden, made by its make.py with Debian's zstd 1.5.4, lz4 1.9.4, gzip 1.12 and
/// python3-snappy 0.5.3. The first word of a name says which contents; they are made here by the same formulas.
/// </summary>
internal static class GoldenFiles
{
    private const string Prefix = "Golden/";

    /// <summary>Names of the files with these extensions.</summary>
    public static IEnumerable<string> Names(params string[] extensions) => typeof(GoldenFiles).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && extensions.Contains(Path.GetExtension(name)))
        .Select(name => name[Prefix.Length..]).Order(StringComparer.Ordinal);

    /// <summary>A file.</summary>
    public static byte[] Read(string name)
    {
        using var stream = typeof(GoldenFiles).Assembly.GetManifestResourceStream(Prefix + name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>What was compressed.</summary>
    public static byte[] Contents(string name) => name[..name.IndexOf('.', StringComparison.Ordinal)] switch
    {
        "empty" => [],
        "text" => Text(300),
        "medium" => Text(2000),
        "long" => Text(4000),
        "noise" => Noise(2000),
        "same" => [.. Enumerable.Repeat((byte)'a', 300_000)],
        var unknown => throw new ArgumentException(unknown),
    };

    /// <summary>Lines that look like each other.</summary>
    public static byte[] Text(int lines)
    {
        var text = new StringBuilder();
        for (var i = 0L; i < lines; i++)
        {
            text.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{i * 7919 % 10007} package-{i % 61} {i * i % 257} depends on library-{i * 31 % 97}\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Bytes that do not compress.</summary>
    public static byte[] Noise(int count)
    {
        var noise = new byte[count];
        var state = 1L;
        for (var i = 0; i < count; i++)
        {
            state = ((state * 1103515245) + 12345) % (1L << 31);
            noise[i] = (byte)(state >> 16);
        }

        return noise;
    }
}
