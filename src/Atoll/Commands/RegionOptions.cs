using System.CommandLine;
using System.Globalization;
using Atoll.Output;
using Atoll.StateMachines.Directory;

namespace Atoll.Commands;

/// <summary>The options that say in which regions a space or a topic lives.</summary>
internal sealed class RegionOptions
{
    /// <summary>How many copies which region has.</summary>
    public Option<string[]> Factors { get; } = new("--region")
    {
        Description = "Copies in a region; may be given for several", HelpName = "NAME=COUNT", AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>The regions that may store the data.</summary>
    public Option<string[]> Allowed { get; } = new("--allowed-region")
    {
        Description = "A region that may store the data; may be given several times. Default: all",
        HelpName = "NAME", AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>What was said of regions; null for nothing.</summary>
    /// <exception cref="CommandException">It cannot be understood.</exception>
    public SpaceRegions? Of(ParseResult parsed) =>
        SpaceRegions.Of((parsed.GetValue(Factors) ?? []).Select(FactorOf), parsed.GetValue(Allowed) ?? []);

    private static RegionReplicas FactorOf(string text)
    {
        var equals = text.LastIndexOf('=');
        return equals > 0 && int.TryParse(text.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var replicas)
            ? new RegionReplicas(text[..equals], replicas)
            : throw new CommandException(ExitCode.Usage, $"--region {text}: a region and how many copies it has, as eu=3, are needed");
    }
}
