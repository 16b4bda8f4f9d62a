namespace Atoll;

/// <summary>The program's door.</summary>
internal static class Program
{
    /// <summary>Runs the command that the arguments name; returns the exit code.</summary>
    internal static int Main(string[] args)
    {
        if (args is ["--version"])
        {
            Console.WriteLine($"atoll {typeof(Program).Assembly.GetName().Version?.ToString(3)}");
            return 0;
        }

        Console.Error.WriteLine("usage: atoll --version");
        return 2;
    }
}
