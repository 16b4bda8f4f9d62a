using System.CommandLine;
using Atoll.Hosting;
using Atoll.Live.Nodes;
using Atoll.Output;
using Microsoft.Extensions.Logging;

namespace Atoll.Commands;

/// <summary><c>atoll node</c>.</summary>
internal static class NodeCommand
{
    private static readonly TimeSpan HandOverAtMost = TimeSpan.FromSeconds(1);

    public static Command Create(ClientOptions client)
    {
        // The options of this command stand above those with the same name for clients (--tls-ca, --token-file).
        var options = NodeConfiguration.Settings.ToDictionary(
            setting => setting.Key,
            setting => NodeConfiguration.Flags.Contains(setting.Key)
                ? (Option)new Option<bool>("--" + setting.Key) { Description = setting.Value }
                : new Option<string?>("--" + setting.Key) { Description = setting.Value },
            StringComparer.Ordinal);
        var config = new Option<FileInfo?>("--config")
        {
            Description = "Settings in YAML or JSON, by the names of these options. The command line and ATOLL_* variables stand above it",
            HelpName = "FILE",
        };
        var command = new Command("node", "Run one node of a cluster") { config };
        foreach (var option in options.Values)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) =>
        {
            var path = parsed.GetValue(config)?.FullName ?? Environment.GetEnvironmentVariable("ATOLL_CONFIG");
            var file = string.IsNullOrEmpty(path) ? [] : NodeSettings.ReadFile(path, [.. NodeConfiguration.Settings.Keys]);
            string? CommandLine(string name) => options[name] switch
            {
                Option<bool> flag => parsed.GetResult(flag) is { Implicit: false } ? parsed.GetValue(flag).ToString() : null,
                Option<string?> text => parsed.GetValue(text),
                _ => null,
            };
            return RunAsync(
                new NodeSettings(CommandLine, Environment.GetEnvironmentVariable, file), client.Printer(parsed), cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(NodeSettings settings, Printer printer, CancellationToken cancellation)
    {
        var options = NodeConfiguration.Build(settings);
        using var loggers = NodeLogging.Create(NodeLogging.Parse(settings.Text("log") ?? "info"));
        using var traces = Tracing.Start(options.TraceEndpoint, options.Node.ClientAddress, Environment.GetEnvironmentVariable);
        try
        {
            await using var host = await NodeHost.StartAsync(options, loggers, cancellation).ConfigureAwait(false);
            await host.Node.Live.Ready.WaitAsync(cancellation).ConfigureAwait(false);
            printer.Result(
                $"node {host.Node.Id} of cluster {host.Node.ClusterId:x16} serves at {options.Node.ClientAddress}"
                    + (options.Node.HttpAddress.Length > 0
                        ? $" and {(options.Certificate is null ? "http" : "https")}://{options.Node.HttpAddress}" : ""),
                writer =>
                {
                    writer.WriteNumber("node", host.Node.Id.Value);
                    writer.WriteString("cluster", host.Node.ClusterId.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
                    writer.WriteString("client", options.Node.ClientAddress);
                    writer.WriteString("http", options.Node.HttpAddress);
                });
            var stopped = await Task.WhenAny(host.Failure, Task.Delay(Timeout.InfiniteTimeSpan, cancellation)).ConfigureAwait(false);
            if (stopped == host.Failure)
            {
                throw new CommandException(ExitCode.Failed, $"the node has stopped itself: {await host.Failure.ConfigureAwait(false)}");
            }

            Printer.Remark("stopping");
            await host.Node.Live.HandOverAsync(HandOverAtMost).ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        catch (Exception error) when (error is DataFolderException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Failed, error.Message);
        }
    }
}
