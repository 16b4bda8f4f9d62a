using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Atoll.Gateways.Metrics;

/// <summary>
/// The process's metrics in Prometheus' text format, version 0.0.4: whatever the meters named Atoll and the runtime's own report.
/// Counters and gauges as they are; of histograms the count and the sum.
/// </summary>
public sealed class PrometheusText : IDisposable
{
    private static readonly string[] Meters = [RequestMetrics.MeterName, "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Series, Cell> _cells = new();
    private readonly Lock _collecting = new();

    /// <summary>Starts to listen.</summary>
    public PrometheusText()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Meters.Contains(instrument.Meter.Name, StringComparer.Ordinal)
                || instrument.Meter.Name.StartsWith(RequestMetrics.MeterName + ".", StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>All metrics as they are now.</summary>
    public string Collect()
    {
        lock (_collecting)
        {
            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (var family in _cells.GroupBy(pair => pair.Key.Name, StringComparer.Ordinal).OrderBy(group => group.Key,
                StringComparer.Ordinal))
            {
                var kind = family.First().Value.Kind;
                text.Append("# TYPE ").Append(family.Key).Append(' ').Append(kind).Append('\n');
                foreach (var (series, cell) in family.OrderBy(pair => pair.Key.Labels, StringComparer.Ordinal))
                {
                    cell.Write(text, series);
                }
            }

            return text.ToString();
        }
    }

    /// <inheritdoc />
    public void Dispose() => _listener.Dispose();

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var kind = instrument.GetType().Name;
        var isHistogram = kind.StartsWith("Histogram", StringComparison.Ordinal);
        var isCounter = kind.StartsWith("Counter", StringComparison.Ordinal)
            || kind.StartsWith("ObservableCounter", StringComparison.Ordinal);
        var series = new Series(NameOf(instrument, isCounter), LabelsOf(tags));
        var cell = _cells.GetOrAdd(series, _ => new Cell(isHistogram ? "summary" : isCounter ? "counter" : "gauge"));
        cell.Add(value, accumulates: !instrument.IsObservable && !kind.StartsWith("Gauge", StringComparison.Ordinal));
    }

    private static string NameOf(Instrument instrument, bool isCounter)
    {
        var name = new StringBuilder();
        foreach (var c in instrument.Name)
        {
            name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        }

        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (unit.Length > 0 && !name.ToString().EndsWith(unit, StringComparison.Ordinal))
        {
            name.Append(unit);
        }

        return isCounter ? name.Append("_total").ToString() : name.ToString();
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var labels = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            labels.Append(labels.Length == 0 ? "" : ",");
            foreach (var c in name)
            {
                labels.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
            }

            var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            labels.Append("=\"").Append(text.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        }

        return labels.ToString();
    }

    private readonly record struct Series(string Name, string Labels);

    private sealed class Cell(string kind)
    {
        private readonly Lock _lock = new();
        private double _value;
        private long _count;

        public string Kind { get; } = kind;

        public void Add(double value, bool accumulates)
        {
            lock (_lock)
            {
                _value = accumulates ? _value + value : value;
                _count++;
            }
        }

        public void Write(StringBuilder text, Series series)
        {
            double value;
            long count;
            lock (_lock)
            {
                (value, count) = (_value, _count);
            }

            if (Kind == "summary")
            {
                Line(text, series.Name + "_count", series.Labels, count);
                Line(text, series.Name + "_sum", series.Labels, value);
            }
            else
            {
                Line(text, series.Name, series.Labels, value);
            }
        }

        private static void Line(StringBuilder text, string name, string labels, double value)
        {
            text.Append(name);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }

            text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
