using System.Globalization;
using Atoll.Benchmarks;
using Atoll.Output;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary>Tells what loads measured: a table at the end for people, or at once a line of JSON each.</summary>
internal sealed class LoadReport
{
    private const double BytesPerMegabyte = 1e6;
    private static readonly string[] MessageColumns = ["messages/s", "MB/s"];

    private readonly Printer _printer;
    private readonly string[] _tags;
    private readonly bool _carriesMessages;
    private readonly Table _table;

    /// <summary>A report.</summary>
    /// <param name="printer">Where it goes.</param>
    /// <param name="title">What all loads have in common.</param>
    /// <param name="carriesMessages">Whether calls carry messages, so that it tells how many a second, and how many bytes.</param>
    /// <param name="tags">What tells them apart beside their names and callers, as JSON names it.</param>
    public LoadReport(Printer printer, string title, bool carriesMessages, params string[] tags)
    {
        (_printer, _carriesMessages, _tags) = (printer, carriesMessages, tags);
        _table = new Table().Border(TableBorder.Simple).Title(title)
            .AddColumns([
                .. tags, "load", "clients", .. (carriesMessages ? MessageColumns : []), "ops/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
                "errors", "server cores", "client cores", "server CPU us", "client CPU us", "server KiB/op", "GC pauses", "server RSS"]);
    }

    /// <summary>Adds a result, with a value for each tag.</summary>
    public void Add(LoadResult result, params string[] values)
    {
        if (_printer.IsJson)
        {
            Json(result, values);
            return;
        }

        var name = string.Join(' ', values.Append(result.Load));
        Printer.Remark(string.Create(
            CultureInfo.InvariantCulture, $"{name}, {result.Clients} clients: {result.Rate * result.MessagesPerCall:0}/s"));
        _table.AddRow([
            .. values, result.Load, $"{result.Clients}", .. MessageCells(result), Number(result.Rate, "0"), Milliseconds(result, 50),
            Milliseconds(result, 99), Milliseconds(result, 99.9), Number(result.Latencies.MaxMicroseconds / 1_000.0, "0.00"),
            $"{result.Errors}",
            Number(result.ServerCores, "0.00"), Number(result.ClientCores, "0.00"), Number(result.ServerCpuMicroseconds, "0.0"),
            Number(result.ClientCpuMicroseconds, "0.0"), Number(result.ServerAllocatedBytes / 1024, "0.0"),
            Number(result.ServerPauses * 100, "0") + " %", Printer.Size(result.ServerMemoryBytes)]);
    }

    /// <summary>Tells what was not told yet.</summary>
    public void End()
    {
        if (!_printer.IsJson)
        {
            _printer.Tables.Write(_table);
        }
    }

    private void Json(LoadResult result, string[] values) => _printer.Json(writer =>
    {
        for (var tag = 0; tag < _tags.Length; tag++)
        {
            if (long.TryParse(values[tag], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                writer.WriteNumber(_tags[tag], number);
            }
            else
            {
                writer.WriteString(_tags[tag], values[tag]);
            }
        }

        writer.WriteString("load", result.Load);
        writer.WriteNumber("clients", result.Clients);
        writer.WriteNumber("operations", result.Latencies.Count);
        writer.WriteNumber("errors", result.Errors);
        writer.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 3));
        writer.WriteNumber("opsPerSecond", Math.Round(result.Rate, 1));
        if (_carriesMessages)
        {
            writer.WriteNumber("messagesPerSecond", Math.Round(result.Rate * result.MessagesPerCall, 1));
            writer.WriteNumber("megabytesPerSecond", Math.Round(result.Rate * result.BytesPerCall / BytesPerMegabyte, 2));
        }

        writer.WriteNumber("p50Ms", result.Latencies.Percentile(50) / 1_000.0);
        writer.WriteNumber("p99Ms", result.Latencies.Percentile(99) / 1_000.0);
        writer.WriteNumber("p999Ms", result.Latencies.Percentile(99.9) / 1_000.0);
        writer.WriteNumber("maxMs", result.Latencies.MaxMicroseconds / 1_000.0);
        writer.WriteNumber("serverCores", Math.Round(result.ServerCores, 3));
        writer.WriteNumber("clientCores", Math.Round(result.ClientCores, 3));
        writer.WriteNumber("serverCpuMicrosecondsPerOp", Math.Round(result.ServerCpuMicroseconds, 2));
        writer.WriteNumber("clientCpuMicrosecondsPerOp", Math.Round(result.ClientCpuMicroseconds, 2));
        writer.WriteNumber("serverAllocatedBytesPerOp", Math.Round(result.ServerAllocatedBytes));
        writer.WriteNumber("serverPauses", Math.Round(result.ServerPauses, 4));
        writer.WriteNumber("serverMemoryBytes", result.ServerMemoryBytes);
    });

    private string[] MessageCells(LoadResult result) => _carriesMessages
        ? [Number(result.Rate * result.MessagesPerCall, "0"), Number(result.Rate * result.BytesPerCall / BytesPerMegabyte, "0.0")]
        : [];

    private static string Milliseconds(LoadResult result, double percent) => Number(result.Latencies.Percentile(percent) / 1_000.0, "0.00");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
