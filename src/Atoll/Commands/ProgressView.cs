using System.Globalization;
using Atoll.Output;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary>Shows how far something has come that is counted in records.</summary>
internal static class ProgressView
{
    /// <summary>
    /// Shows progress until the work has ended, in whatever way. Nothing is shown when nobody looks, or results are JSON.
    /// </summary>
    /// <param name="printer">Where.</param>
    /// <param name="running">The work.</param>
    /// <param name="state">Records so far, records expected, and bytes so far.</param>
    public static async Task ShowAsync(Printer printer, Task running, Func<(long Done, long Expected, long Bytes)> state)
    {
        if (printer.IsJson || Console.IsErrorRedirected)
        {
            await Task.WhenAny(running).ConfigureAwait(false);
            return;
        }

        await printer.Errors.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask("0 records");
                var startedAt = TimeProvider.System.GetTimestamp();
                while (!running.IsCompleted)
                {
                    await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(250))).ConfigureAwait(false);
                    var (done, expected, bytes) = state();
                    var seconds = Math.Max(0.001, TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds);
                    bar.MaxValue = Math.Max(1, Math.Max(done, expected));
                    bar.Value = done;
                    bar.Description = string.Create(
                        CultureInfo.InvariantCulture, $"{done} records, {Printer.Size(bytes)}, {done / seconds:0}/s");
                }
            }).ConfigureAwait(false);
    }
}
