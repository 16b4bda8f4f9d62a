using System.Text;
using Atoll.Importing;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

/// <summary>Rows are cut where the format says, and are kept byte for byte.</summary>
public sealed class RowReaderTests
{
    private static readonly RowOptions Csv = new() { KeyFields = ["id"] };

    [Fact]
    public async Task A_csv_row_keeps_its_bytes_and_its_key_is_unquoted()
    {
        var rows = await ReadAsync("id,text\r\n1,\"a \"\"b\"\", c\"\r\n\"2\n2\",\"x\ny\"\n\n3,plain \"quote\"", Csv);
        Assert.Equal(["1", "2\n2", "3"], rows.Select(row => Text(row.Key)));
        Assert.Equal(["1,\"a \"\"b\"\", c\"\r", "\"2\n2\",\"x\ny\"", "3,plain \"quote\""], rows.Select(row => Text(row.Value)));
    }

    [Fact]
    public async Task Columns_have_numbers_where_there_is_no_header()
    {
        var options = new RowOptions { KeyFields = ["2"], HasHeader = false, Delimiter = (byte)';', HasQuotes = false };
        var rows = await ReadAsync("0022;\"QUOTATION;x\n0041;A\n", options);
        Assert.Equal(["\"QUOTATION", "A"], rows.Select(row => Text(row.Key)));
    }

    [Fact]
    public async Task Several_fields_make_a_key_together()
    {
        var rows = await ReadAsync("a,id,b\n1,2,3\n", new RowOptions { KeyFields = ["b", "a"], KeySeparator = ":" });
        Assert.Equal("3:1", Text(rows.Single().Key));
    }

    [Fact]
    public async Task Json_lines_have_keys_of_text_or_numbers()
    {
        var options = new RowOptions { Format = RowFormat.JsonLines, KeyFields = ["id"] };
        var rows = await ReadAsync("{\"id\":\"\\u00e4\"}\n{\"id\":12.50, \"x\":[]}\n", options);
        Assert.Equal(["ä", "12.50"], rows.Select(row => Text(row.Key)));
        Assert.Equal("{\"id\":12.50, \"x\":[]}", Text(rows[1].Value));
    }

    [Fact]
    public async Task A_stanza_ends_at_a_blank_line_and_continues_over_lines()
    {
        var options = new RowOptions { Format = RowFormat.Stanzas, KeyFields = ["Package", "Version"] };
        var rows = await ReadAsync("Package: a\nVersion: 1\nDescription: x\n more: text\n\n\n\nPackage: b\nVersion: 2\n", options);
        Assert.Equal(["a/1", "b/2"], rows.Select(row => Text(row.Key)));
        Assert.Equal("Package: b\nVersion: 2", Text(rows[1].Value));
    }

    public static TheoryData<string, string, RowFormat> Bad => new()
    {
        { "id\n\"\"\n", "its key is empty", RowFormat.Csv },
        { "name\nx\n", "no field \"id\"", RowFormat.Csv },
        { "a,id\nx\n", "the key is in field 2", RowFormat.Csv },
        { "", "the file is empty", RowFormat.Csv },
        { "{\"id\":1}\n{oops\n", "row 2", RowFormat.JsonLines },
        { "{\"name\":1}\n", "no member \"id\"", RowFormat.JsonLines },
        { "{\"id\":{}}\n", "neither text nor a number", RowFormat.JsonLines },
        { "Package: a\n\nid: x\n", "row 1", RowFormat.Stanzas },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task What_is_wrong_is_told_with_its_row(string text, string expected, RowFormat format)
    {
        var error = await Assert.ThrowsAsync<RowFormatException>(() => ReadAsync(text, Csv with { Format = format }));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quote_that_never_ends_is_told_and_does_not_fill_the_memory()
    {
        var options = Csv with { RowBytesMax = 1_000_000 };
        var error = await Assert.ThrowsAsync<RowFormatException>(
            () => ReadAsync("id\n\"" + new string('x', 3_000_000), options));
        Assert.Contains("--no-quotes", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RowFormat.Csv)]
    [InlineData(RowFormat.JsonLines)]
    [InlineData(RowFormat.Stanzas)]
    public async Task Reading_goes_on_behind_any_row_wherever_buffers_end(RowFormat format)
    {
        var text = new StringBuilder(format == RowFormat.Csv ? "id,v\n" : "");
        for (var i = 0; i < 2_000; i++)
        {
            var filler = new string('f', i * 7 % 1_500);
            text.Append(format switch
            {
                RowFormat.Csv => $"{i},\"{filler}\n\"\n",
                RowFormat.JsonLines => $"{{\"id\":{i},\"v\":\"{filler}\"}}\n",
                _ => $"id: {i}\nv: {filler}\n\n\n",
            });
        }

        var options = Csv with { Format = format };
        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        var all = await ReadAsync(bytes, options);
        Assert.Equal(2_000, all.Count);
        foreach (var at in new[] { 0, 1, 777, 1_998, 1_999 })
        {
            var reader = new RowReader(new MemoryStream(bytes), options);
            await reader.SkipToAsync(all[at].EndOffset, all[at].Number, default);
            var next = await reader.ReadAsync(default);
            Assert.Equal(at == 1_999 ? null : all[at + 1].Number, next?.Number);
            Assert.Equal(at == 1_999 ? null : Text(all[at + 1].Value), next is { } row ? Text(row.Value) : null);
        }
    }

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static Task<List<Row>> ReadAsync(string text, RowOptions options) => ReadAsync(Encoding.UTF8.GetBytes(text), options);

    private static async Task<List<Row>> ReadAsync(byte[] bytes, RowOptions options)
    {
        var reader = new RowReader(new MemoryStream(bytes), options);
        var rows = new List<Row>();
        while (await reader.ReadAsync(default) is { } row)
        {
            rows.Add(row);
        }

        return rows;
    }
}
