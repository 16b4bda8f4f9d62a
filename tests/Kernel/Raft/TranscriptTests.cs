using System.Text;
using Atoll.Kernel.Tests.Raft.Harness;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>
/// Golden transcripts: each file of Transcripts is a scenario, commands with their output below. With ATOLL_REWRITE=1 in the environment
/// the
/// outputs are rewritten, and the difference is the review; else they must be what the file says.
/// </summary>
public sealed class TranscriptTests
{
    private static readonly string Folder = FindFolder();

    public static TheoryData<string> Scenarios =>
        [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Transcript_is_as_recorded(string scenario)
    {
        var file = Path.Combine(Folder, scenario + ".txt");
        var recorded = File.ReadAllText(file);
        var replayed = Replay(recorded);
        if (Environment.GetEnvironmentVariable("ATOLL_REWRITE") == "1")
        {
            File.WriteAllText(file, replayed);
        }
        else
        {
            Assert.Equal(recorded, replayed);
        }
    }

    [Fact]
    public void There_are_transcripts() => Assert.True(Scenarios.Count >= 15);

    private static string Replay(string recorded)
    {
        var cluster = new TranscriptCluster();
        var replayed = new StringBuilder();
        var isOutput = false;
        foreach (var line in recorded.TrimEnd('\n').Split('\n'))
        {
            if (isOutput)
            {
                // Up to an empty line: what was printed last time.
                isOutput = line.Length > 0;
            }
            else if (line.Length == 0)
            {
                replayed.Append(EndsWithEmptyLine(replayed) ? "" : "\n");
            }
            else if (line.StartsWith('#'))
            {
                replayed.Append(line).Append('\n');
            }
            else if (line == "----")
            {
                isOutput = true;
            }
            else
            {
                var output = cluster.Run(line);
                replayed.Append(line).Append('\n');
                if (output.Length > 0)
                {
                    replayed.Append("----\n").Append(output).Append('\n');
                }
            }
        }

        return replayed.ToString().TrimEnd('\n') + "\n";
    }

    private static bool EndsWithEmptyLine(StringBuilder text) => text.Length >= 2 && text[^1] == '\n' && text[^2] == '\n';

    private static string FindFolder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Atoll.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("the repository's root");
        }

        return Path.Combine(folder, "tests", "Kernel", "Transcripts");
    }
}
