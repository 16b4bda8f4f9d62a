using System.CommandLine;

namespace Atoll.Fuzz;

/// <summary>The program: <c>dotnet run --project fuzz/Atoll.Fuzz -- --help</c>.</summary>
internal static class Program
{
    private static readonly Option<string[]> Target = new("--target", "-t")
    {
        Description = "Which targets; default: all", HelpName = "NAME", AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<ulong?> Seed = new("--seed")
    {
        Description = "What decides every input. Default: drawn, and printed", HelpName = "S",
    };

    private static readonly Option<double> Seconds = new("--seconds")
    {
        Description = "How long to go on, over all targets", HelpName = "N", DefaultValueFactory = _ => 30,
    };

    private static readonly Option<bool> Smoke = new("--smoke")
    {
        Description = $"A fixed number of inputs for each target ({FuzzCampaign.SmokeIterations}), from seed 1 unless given: a few seconds",
    };

    private static readonly Option<FileInfo?> Input = new("--input")
    {
        Description = "Feed one file, as it is, to the one target that is named: replays a failure", HelpName = "FILE",
    };

    private static readonly Option<DirectoryInfo> Keep = new("--keep")
    {
        Description = "Where failing inputs are written", HelpName = "DIR", DefaultValueFactory = _ => new DirectoryInfo("fuzz-failures"),
    };

    private static readonly Option<bool> List = new("--list") { Description = "Say which targets there are, and end" };
    private static readonly Option<bool> Json = new("--json") { Description = "Results as JSON, one object a line" };

    /// <summary>The program's entry.</summary>
    public static int Main(string[] args)
    {
        var root = new RootCommand(
            """
            Feed Atoll with inputs that nobody would write: every decoder, file format and door, each as a target.

            Inputs are made from good ones and from those that failed before (fuzz/Atoll.Fuzz/Corpus), with and without right checksums.
            For each of them must hold: no exception but the declared error, no more memory than the target's bound, and what the
            target promises (--list). A failing input is made small, kept, and printed with the command that replays it.

            Exit codes: 0 nothing failed; 1 something did; 2 wrong usage.
            """)
        {
            Target, Seed, Seconds, Smoke, Input, Keep, List, Json,
        };
        root.SetAction(Run);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine($"atoll-fuzz: {error.Message}");
            }

            return FuzzReport.Usage;
        }

        return parsed.Invoke();
    }

    private static int Run(ParseResult parsed)
    {
        var report = new FuzzReport(parsed.GetValue(Json), parsed.GetRequiredValue(Keep).FullName);
        var targets = FuzzTargets.Create();
        if (parsed.GetValue(Target) is { Length: > 0 } names)
        {
            if (names.FirstOrDefault(name => targets.All(target => target.Name != name)) is { } unknown)
            {
                Console.Error.WriteLine($"atoll-fuzz: there is no target \"{unknown}\"; --list says which there are");
                return FuzzReport.Usage;
            }

            targets = [.. targets.Where(target => names.Contains(target.Name))];
        }

        if (parsed.GetValue(List))
        {
            report.List(targets);
            return FuzzReport.Passed;
        }

        var isSmoke = parsed.GetValue(Smoke);
        var seed = parsed.GetValue(Seed) ?? (isSmoke ? 1 : (ulong)Random.Shared.NextInt64(1, 1L << 48));
        if (parsed.GetValue(Input) is { } file)
        {
            if (targets.Count != 1 || !file.Exists)
            {
                Console.Error.WriteLine(file.Exists ? "atoll-fuzz: --input needs one --target" : $"atoll-fuzz: there is no file {file}");
                return FuzzReport.Usage;
            }

            return FuzzCampaign.Replay(targets[0], seed, file, report);
        }

        return isSmoke
            ? FuzzCampaign.Smoke(targets, seed, report)
            : FuzzCampaign.RunFor(targets, seed, TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(Seconds), 0.1, 1e6)), report);
    }
}
