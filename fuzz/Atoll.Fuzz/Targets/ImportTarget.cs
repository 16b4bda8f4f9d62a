using System.Text;
using Atoll.Importing;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// Files that are imported. The first byte of the input holds the options. Rows are the same however the file arrives, a resumed import
/// goes on where the other stopped, and every row is a piece of the file.
/// </summary>
public sealed class ImportTarget(RowFormat format) : IFuzzTarget
{
    private const int RowsComparedMax = 2_000;

    // The options in the first byte.
    private const byte WithoutHeader = 1;
    private const byte WithoutQuotes = 2;
    private const byte ByNumber = 4;
    private const byte Semicolons = 8;

    /// <inheritdoc />
    public string Name => format switch
    {
        RowFormat.Csv => "import-csv",
        RowFormat.JsonLines => "import-json-lines",
        _ => "import-stanzas",
    };

    /// <inheritdoc />
    public string About => $"RowReader, {format}: a RowFormatException, or rows that are the same however the file arrives";

    /// <inheritdoc />
    public AllocationBound Allocation => new(2 * 1024, 4 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
        [.. Samples(format).Select(sample => (byte[])[sample.Flags, .. Encoding.UTF8.GetBytes(sample.Text)])];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        "\n", "\r\n", "\n\n", "\"", "\"\"", ",", ";", ":", "id", "\uFEFF", "{\"id\":", "\\ud800", "null", "\\u0000", "[[[[", " \t", "id: ",
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused("empty");
        }

        var flags = input.Span[0];
        var file = input[1..].ToArray();
        var options = new RowOptions
        {
            Format = format,
            KeyFields = (flags & ByNumber) == 0 ? ["id"] : ["1", "2"],
            HasHeader = (flags & WithoutHeader) == 0,
            HasQuotes = (flags & WithoutQuotes) == 0,
            Delimiter = (flags & Semicolons) == 0 ? (byte)',' : (byte)';',
            RowBytesMax = 4096,
        };
        var whole = Read(file, options, int.MaxValue, out var why);
        var pieces = Read(file, options, 3, out var again);
        BrokenPromiseException.Unless(
            AreSame(whole, pieces) && (why is null) == (again is null), "rows are the same however the file arrives");
        foreach (var (i, row) in whole.Index())
        {
            BrokenPromiseException.Unless(row.Number == i + 1, "rows are numbered");
            BrokenPromiseException.Unless(row.Key.Length > 0 && row.Value.Length > 0, "a row has a key and a value");
            BrokenPromiseException.Unless(
                row.EndOffset > (i == 0 ? 0 : whole[i - 1].EndOffset) && row.EndOffset <= file.Length, "rows end one after the other");
            BrokenPromiseException.Unless(
                file.AsSpan(i == 0 ? 0 : (int)whole[i - 1].EndOffset, (int)row.EndOffset - (i == 0 ? 0 : (int)whole[i - 1].EndOffset))
                    .IndexOf(row.Value) >= 0, "a row is a piece of the file");
        }

        if (why is null && whole.Count > 1)
        {
            var half = whole.Count / 2;
            BrokenPromiseException.Unless(
                AreSame(whole[half..], Resume(file, options, whole[half - 1])), "a resumed import goes on where the other stopped");
        }

        return why is null && whole.Count > 0
            ? Verdict.Accepted($"{Math.Min(4, whole.Count)} rows")
            : Verdict.RefusedFor(why ?? "no rows");
    }

    private static List<Row> Read(byte[] file, RowOptions options, int pieceBytes, out string? why)
    {
        var rows = new List<Row>();
        why = null;
        try
        {
            ReadTo(rows, new RowReader(new PieceStream(file, pieceBytes), options));
        }
        catch (RowFormatException error)
        {
            why = error.Message;
        }

        return rows;
    }

    private static List<Row> Resume(byte[] file, RowOptions options, Row after)
    {
        var rows = new List<Row>();
        var reader = new RowReader(new PieceStream(file, int.MaxValue), options);
        reader.SkipToAsync(after.EndOffset, after.Number, CancellationToken.None).GetAwaiter().GetResult();
        ReadTo(rows, reader);
        return rows;
    }

    private static void ReadTo(List<Row> rows, RowReader reader)
    {
        while (rows.Count < RowsComparedMax && reader.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult() is { } row)
        {
            rows.Add(row);
        }
    }

    // Where a stanza ends, before or behind the blank lines that follow it, depends on how many of them have arrived.
    private bool AreSame(List<Row> one, List<Row> two) => one.Count == two.Count && one.Zip(two).All(pair =>
        pair.First.Number == pair.Second.Number && (format == RowFormat.Stanzas || pair.First.EndOffset == pair.Second.EndOffset)
        && pair.First.Key.AsSpan().SequenceEqual(pair.Second.Key) && pair.First.Value.AsSpan().SequenceEqual(pair.Second.Value));

    private static (byte Flags, string Text)[] Samples(RowFormat format) => format switch
    {
        RowFormat.Csv =>
        [
            (0, "id,name\n1,one\n2,\"t,w\"\"o\"\r\n\n3,\"th\nree\"\n"),
            (0, "\uFEFFname,id\r\none,1\r\ntwo,2"),
            (WithoutHeader | ByNumber, "1,a,x\n\"2\",b\n"),
            (WithoutHeader | WithoutQuotes | ByNumber | Semicolons, "0041;LATIN \"CAPITAL\" LETTER A;Lu;\n0042;B;Lu;\n"),
        ],
        RowFormat.JsonLines =>
            [(0, "{\"id\":\"a\",\"n\":1}\n\n{\"id\":2}\r\n{\"id\":true}"), (0, "{\"x\":[1,{}],\"id\":\"\\u00e9\\ud83d\\ude00\"}\n")],
        _ => [(0, "id: a\nDescription: x\n more\n\nid: b\n\n\n\nid: c\n"), (0, "id:a\n")],
    };

    /// <summary>A file that arrives in pieces.</summary>
    private sealed class PieceStream(byte[] file, int pieceBytes) : MemoryStream(file, writable: false)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, pieceBytes)], cancellationToken);
    }
}
