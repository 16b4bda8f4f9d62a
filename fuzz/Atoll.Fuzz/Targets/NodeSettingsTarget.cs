using System.Text;
using Atoll.Hosting;
using Atoll.Output;

namespace Atoll.Fuzz.Targets;

/// <summary>The configuration file of a node.</summary>
public sealed class NodeSettingsTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "node-settings";

    /// <inheritdoc />
    public string About => "NodeSettings, YAML or JSON: a CommandException, or settings that are known";

    /// <inheritdoc />
    public AllocationBound Allocation => new(8 * 1024, 4 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "data: d\njoin: [a:1, b:2]\nport: 4700\ninsecure: true\n"u8.ToArray(),
        "{\"data\": \"d\", \"join\": [\"a:1\", \"b:2\"], \"port\": 4700, \"loops\": \"2\"}"u8.ToArray(),
    ];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        "&a ", "*a", "<<: ", "!!int ", "? ", "| \n", "> \n", "---\n", "...\n", "- ", ": ", "{", "[", "%YAML 1.2\n", "\"", "'", "#", "port",
        "\t",
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        try
        {
            using var reader = new StringReader(Encoding.UTF8.GetString(input.Span));
            var file = NodeSettings.Read(reader, "file", [.. NodeConfiguration.Settings.Keys]);
            BrokenPromiseException.Unless(file.Keys.All(NodeConfiguration.Settings.ContainsKey), "settings are known ones");
            var settings = new NodeSettings(_ => null, _ => null, file);
            settings.Number("port", 4600, 1, 65535);
            settings.Number("loops", 1, 1, 64);
            settings.Flag("insecure");
            return Verdict.Accepted($"{Math.Min(5, file.Count)} settings");
        }
        catch (CommandException refused)
        {
            return Verdict.RefusedFor(refused.Message);
        }
    }
}
