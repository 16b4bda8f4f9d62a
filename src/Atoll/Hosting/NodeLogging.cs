using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Atoll.Hosting;

/// <summary>Logs of nodes: one line an event, on the standard error.</summary>
internal static class NodeLogging
{
    /// <param name="level">What is logged at all.</param>
    /// <param name="isQuiet">Whether only errors are wanted at the moment; null for never.</param>
    public static ILoggerFactory Create(LogLevel level, Func<bool>? isQuiet = null) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(level);
        if (isQuiet is not null)
        {
            logging.AddFilter((_, _, at) => at >= (isQuiet() ? LogLevel.Error : level));
        }

        logging.AddFilter("Microsoft", level > LogLevel.Warning ? level : LogLevel.Warning);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.ColorBehavior = LoggerColorBehavior.Default;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    });

    public static LogLevel Parse(string text) => text switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "none" => LogLevel.None,
        _ => throw new Output.CommandException($"\"{text}\" is not a log level; there are trace, debug, info, warning, error and none"),
    };
}
