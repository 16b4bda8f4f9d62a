using System.CommandLine;
using Atoll.Commands;
using Atoll.Output;
using Atoll.Services.Errors;

namespace Atoll;

/// <summary>The program: parses the command line, runs the command, and turns what went wrong into one line and an exit code.</summary>
public static class Program
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(15);

    /// <summary>The program's entry.</summary>
    public static async Task<int> Main(string[] args)
    {
        // Socket events are handled where they arrive: one switch less for each. Read once by the runtime, so it is set before any socket.
        if (Environment.GetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS") is null)
        {
            Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        }

        var parsed = CommandTree.Create().Parse(args);
        if (parsed.Errors.Count > 0 && !args.Any(arg => arg.StartsWith('[')))
        {
            foreach (var error in parsed.Errors)
            {
                Printer.Remark($"atoll: {error.Message}");
            }

            Printer.Remark($"Try: atoll {string.Join(' ', Path(parsed.CommandResult))}--help");
            return ExitCode.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = StopTimeout,
            }).ConfigureAwait(false);
        }
        catch (CommandException error)
        {
            return Fail(args, error.ExitCode, "command", error.Message);
        }
        catch (AtollException error)
        {
            return Fail(args, ExitCode.Of(error), Gateways.Http.ErrorNames.Of(error.Code), error.Message);
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
    }

    private static IEnumerable<string> Path(System.CommandLine.Parsing.CommandResult result)
    {
        var names = new Stack<string>();
        for (var at = result; at.Parent is System.CommandLine.Parsing.CommandResult parent; at = parent)
        {
            names.Push(at.Command.Name);
        }

        return names.Append("");
    }

    private static int Fail(string[] args, int exitCode, string code, string message)
    {
        if (args.Contains("--json"))
        {
            new Printer(json: true).Json(writer =>
            {
                writer.WriteString("error", message);
                writer.WriteString("code", code);
                writer.WriteNumber("exitCode", exitCode);
            });
        }
        else
        {
            Printer.Remark($"atoll: {message}");
        }

        return exitCode;
    }
}
