using System.Text;
using System.Text.Json;
using Atoll.Gateways.Http;
using Spectre.Console;

namespace Atoll.Output;

/// <summary>
/// Where commands say what they have to say: results on the standard output, as text for people or as JSON (one object a line),
/// everything else on the standard error.
/// </summary>
internal sealed class Printer
{
    private const int RedirectedWidth = 240;

    private readonly Stream _output;

    public Printer(bool json)
    {
        IsJson = json;
        _output = Console.OpenStandardOutput();
        Errors = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    }

    /// <summary>Whether results are JSON.</summary>
    public bool IsJson { get; }

    /// <summary>For tables and live views.</summary>
    public IAnsiConsole Tables { get; } = CreateTables();

    /// <summary>For progress and remarks.</summary>
    public IAnsiConsole Errors { get; }

    private static IAnsiConsole CreateTables()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = RedirectedWidth; // nobody's window: lines must not be folded
        }

        return console;
    }

    /// <summary>One result: a line of text, or an object.</summary>
    public void Result(string text, Action<Utf8JsonWriter> json)
    {
        if (IsJson)
        {
            Json(json);
        }
        else
        {
            Line(text);
        }
    }

    /// <summary>An object on a line of its own; the action writes its members.</summary>
    public void Json(Action<Utf8JsonWriter> members) => RawJson(writer =>
    {
        writer.WriteStartObject();
        members(writer);
        writer.WriteEndObject();
    });

    /// <summary>A JSON value on a line of its own.</summary>
    public void RawJson(Action<Utf8JsonWriter> value)
    {
        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, RecordJson.WriterOptions))
        {
            value(writer);
        }

        buffer.WriteByte((byte)'\n');
        _output.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        _output.Flush();
    }

    /// <summary>A line of text.</summary>
    public void Line(string text) => Bytes(Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>Bytes as they are.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        _output.Write(bytes);
        _output.Flush();
    }

    /// <summary>A remark for people, on the standard error.</summary>
    public static void Remark(string text) => Console.Error.WriteLine(text);

    /// <summary>Bytes as text for people: UTF-8 as it is, control characters and everything else escaped.</summary>
    public static string Readable(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status == System.Buffers.OperationStatus.Done && !Rune.IsControl(rune) && rune.Value != '\\')
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (var b in bytes[..used])
                {
                    text.Append(b switch { (byte)'\\' => "\\\\", (byte)'\n' => "\\n", (byte)'\t' => "\\t", (byte)'\r' => "\\r", _ =>
                        $"\\x{b:x2}" });
                }
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    /// <summary>A size in bytes for people.</summary>
    public static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value:0.0} {units[unit]}");
    }
}
