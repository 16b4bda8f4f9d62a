using Atoll.Output;
using Atoll.Services.Errors;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Atoll.Commands;

/// <summary>Shows something anew every second until Ctrl-C: in place for people, an object each time as JSON.</summary>
internal static class LiveView
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Shows it.</summary>
    /// <param name="printer">Where.</param>
    /// <param name="ask">Finds out what is to be shown.</param>
    /// <param name="draw">For people.</param>
    /// <param name="write">As JSON.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task ShowAsync<T>(
        Printer printer, Func<CancellationToken, Task<T>> ask, Func<T, IRenderable> draw, Action<T> write, CancellationToken cancellation)
    {
        if (printer.IsJson)
        {
            while (true)
            {
                write(await ask(cancellation).ConfigureAwait(false));
                await Task.Delay(Interval, cancellation).ConfigureAwait(false);
            }
        }

        await printer.Tables.Live(new Text("asking ...")).StartAsync(async context =>
        {
            while (!cancellation.IsCancellationRequested)
            {
                try
                {
                    context.UpdateTarget(draw(await ask(cancellation).ConfigureAwait(false)));
                }
                catch (AtollException error)
                {
                    context.UpdateTarget(new Text(error.Message));
                }

                context.Refresh();
                await Task.Delay(Interval, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }).ConfigureAwait(false);
    }
}
