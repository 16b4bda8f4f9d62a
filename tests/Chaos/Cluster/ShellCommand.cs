using System.Diagnostics;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>Programs of the system that are run to their end: ip, kill.</summary>
internal static class ShellCommand
{
    /// <summary>Runs a program; throws with what it said when it fails.</summary>
    public static string Run(string program, params IReadOnlyList<string> arguments)
    {
        var (code, output, errors) = Execute(program, arguments);
        return code == 0 ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}: {errors.Trim()}");
    }

    /// <summary>Runs a program; false when it fails or is not there.</summary>
    public static bool TryRun(string program, params IReadOnlyList<string> arguments)
    {
        try
        {
            return Execute(program, arguments).Code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // there is no such program
        }
    }

    /// <summary>Runs a program to its end, whatever that is.</summary>
    public static (int Code, string Output, string Errors) Execute(string program, IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
