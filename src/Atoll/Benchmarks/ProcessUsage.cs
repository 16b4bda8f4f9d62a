using System.Globalization;

namespace Atoll.Benchmarks;

/// <summary>What processes have used, as Linux tells it (proc(5)); zeros elsewhere.</summary>
/// <param name="CpuSeconds">Processor time of all of them.</param>
/// <param name="MemoryBytes">Resident memory of all of them.</param>
public readonly record struct ProcessUsage(double CpuSeconds, long MemoryBytes)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux
    private const int StatFieldsBeforeState = 2;
    private const int UserTimeField = 14;

    /// <summary>What these processes have used up to now.</summary>
    public static ProcessUsage Of(IEnumerable<int> processIds)
    {
        var cpu = 0.0;
        var memory = 0L;
        foreach (var id in processIds)
        {
            try
            {
                // The second field is the name in brackets, which may hold blanks.
                var stat = File.ReadAllText($"/proc/{id}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                var first = UserTimeField - StatFieldsBeforeState - 1;
                cpu += (long.Parse(fields[first], CultureInfo.InvariantCulture)
                    + long.Parse(fields[first + 1], CultureInfo.InvariantCulture))
                    / TicksPerSecond;
                var resident = File.ReadLines($"/proc/{id}/status").FirstOrDefault(line =>
                    line.StartsWith("VmRSS:", StringComparison.Ordinal));
                memory += resident is null ? 0
                    : long.Parse(resident.AsSpan("VmRSS:".Length).Trim().TrimEnd("kB ").Trim(), NumberStyles.None,
                        CultureInfo.InvariantCulture) * 1024;
            }
            catch (IOException)
            {
                // The process has ended, or this is no Linux: it uses nothing that could be told.
            }
        }

        return new ProcessUsage(cpu, memory);
    }
}
