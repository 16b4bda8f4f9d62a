using System.Globalization;
using Atoll.Benchmarks;
using Atoll.Output;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary>Tells what a write must cost at the least, and what it did cost.</summary>
/// <param name="printer">Where it goes.</param>
internal sealed class FloorReport(Printer printer)
{
    private const double MicrosecondsPerSecond = 1e6;

    /// <summary>Tells it.</summary>
    /// <param name="parts">What it must cost.</param>
    /// <param name="writes">What was measured.</param>
    public void Tell(IReadOnlyList<FloorPart> parts, IEnumerable<LoadResult> writes)
    {
        var sum = parts.Sum(static part => part.Microseconds);
        var possible = Environment.ProcessorCount * MicrosecondsPerSecond / sum;
        if (printer.IsJson)
        {
            printer.Json(writer =>
            {
                foreach (var part in parts)
                {
                    writer.WriteNumber(part.Name, Math.Round(part.Microseconds, 2));
                }

                writer.WriteNumber("floorCpuMicrosecondsPerOp", Math.Round(sum, 2));
                writer.WriteNumber("possiblePerSecond", Math.Round(possible));
            });
        }
        else
        {
            var table = new Table().Border(TableBorder.Simple).Title("What a write must cost at the least")
                .AddColumns("part", "CPU us");
            foreach (var part in parts)
            {
                table.AddRow(part.Name, Number(part.Microseconds));
            }

            table.AddRow("all of it", Number(sum));
            printer.Tables.Write(table);
        }

        foreach (var write in writes)
        {
            var cost = write.ServerCpuMicroseconds + write.ClientCpuMicroseconds;
            Printer.Remark(string.Create(
                CultureInfo.InvariantCulture,
                $"{write.Clients} clients: {write.Rate:0} writes/s at {cost:0.0} us of processor time each; {Environment.ProcessorCount} "
                + $"processors allow {possible:0}/s, and with that cost {Environment.ProcessorCount * MicrosecondsPerSecond / cost:0}/s, "
                + $"which is {sum / cost * 100:0} % of it"));
        }
    }

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
