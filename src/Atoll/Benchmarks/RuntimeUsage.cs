using System.Globalization;

namespace Atoll.Benchmarks;

/// <summary>What the .NET runtimes of nodes have done since their start, as their <c>/metrics</c> tell it.</summary>
/// <param name="AllocatedBytes">Bytes of objects that were allocated.</param>
/// <param name="PauseSeconds">Time for which threads stood still while garbage was collected.</param>
public readonly record struct RuntimeUsage(double AllocatedBytes, double PauseSeconds)
{
    private static readonly HttpClient Http = new();

    /// <summary>What these nodes have used up to now; zeros for who does not answer.</summary>
    /// <param name="addresses">Their HTTP gateways, host and port.</param>
    public static async Task<RuntimeUsage> OfAsync(IEnumerable<string> addresses)
    {
        var usage = default(RuntimeUsage);
        foreach (var address in addresses)
        {
            try
            {
                var text = await Http.GetStringAsync(new Uri($"http://{address}/metrics")).ConfigureAwait(false);
                usage = new RuntimeUsage(
                    usage.AllocatedBytes + Counter(text, "dotnet_gc_heap_total_allocated_bytes_total"),
                    usage.PauseSeconds + Counter(text, "dotnet_gc_pause_time_seconds_total"));
            }
            catch (HttpRequestException)
            {
                // It has gone, or lets nobody look: then nothing is known of it.
            }
        }

        return usage;
    }

    private static double Counter(string text, string name)
    {
        foreach (var line in text.Split('\n'))
        {
            if (line.Length > name.Length && line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] == ' ')
            {
                return double.Parse(line.AsSpan(name.Length + 1), NumberStyles.Float, CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }
}
