using System.CommandLine;
using Atoll.Output;

namespace Atoll.Commands;

/// <summary><c>atoll completions</c>: scripts for shells, which ask the program itself what may come next.</summary>
internal static class CompletionsCommand
{
    private const string Bash = """
        _atoll_complete() {
            local IFS=$'\n'
            COMPREPLY=( $(atoll "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null) )
        }
        complete -o default -F _atoll_complete atoll
        """;

    private const string Zsh = """
        #compdef atoll
        _atoll() {
            local completions
            completions=("${(@f)$(atoll "[suggest:${#BUFFER}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a completions
        }
        compdef _atoll atoll
        """;

    private const string Fish = """
        complete -f -c atoll -a '(set -l line (commandline -cp); atoll "[suggest:"(string length -- $line)"]" $line 2>/dev/null)'
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completions", "Print a script that makes the shell complete atoll's commands") { shell };
        command.SetAction(parsed =>
        {
            Console.Out.WriteLine(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCode.Ok;
        });
        return command;
    }
}
