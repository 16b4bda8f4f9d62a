using System.Globalization;
using Atoll.Gateways.Http;
using Atoll.Output;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Atoll.Hosting;

/// <summary>
/// A node's settings by name: from the command line, else the environment (ATOLL_ and the name in capitals), else a configuration
/// file in YAML or JSON. A name in the file that nobody knows is an error.
/// </summary>
internal sealed class NodeSettings
{
    private readonly Dictionary<string, string> _file;
    private readonly Func<string, string?> _commandLine;
    private readonly Func<string, string?> _environment;

    /// <param name="commandLine">A setting of the command line, or null.</param>
    /// <param name="environment">A variable of the environment, or null.</param>
    /// <param name="file">The settings of the file.</param>
    public NodeSettings(Func<string, string?> commandLine, Func<string, string?> environment, Dictionary<string, string> file)
    {
        _commandLine = commandLine;
        _environment = environment;
        _file = file;
    }

    /// <summary>A setting; null when nobody gave it.</summary>
    public string? Text(string name)
    {
        var variable = "ATOLL_" + name.ToUpperInvariant().Replace('-', '_');
        return NotEmpty(_commandLine(name)) ?? NotEmpty(_environment(variable)) ?? NotEmpty(_file.GetValueOrDefault(name));
    }

    /// <summary>A number between bounds.</summary>
    public int Number(string name, int otherwise, int low, int high) => Text(name) switch
    {
        null => otherwise,
        var text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
            ? number
            : throw new CommandException($"{name} must be a number from {low} to {high}, not \"{text}\""),
    };

    /// <summary>A duration from nothing to a bound.</summary>
    public TimeSpan Duration(string name, TimeSpan otherwise, TimeSpan high) => Text(name) switch
    {
        null => otherwise,
        "0" => TimeSpan.Zero,
        var text => DurationText.TryParse(text, out var duration) && duration <= high
            ? duration
            : throw new CommandException($"{name} must be a duration such as 30s, 5m or 12h, at most {high.TotalHours:0}h, not \"{text}\""),
    };

    /// <summary>Yes or no.</summary>
    public bool Flag(string name) => Text(name)?.ToLowerInvariant() switch
    {
        null or "false" or "0" or "no" => false,
        "true" or "1" or "yes" => true,
        var text => throw new CommandException($"{name} is true or false, not \"{text}\""),
    };

    /// <summary>Reads a configuration file.</summary>
    /// <exception cref="CommandException">It cannot be read, or <see cref="Read"/> refuses it.</exception>
    public static Dictionary<string, string> ReadFile(string path, IReadOnlyCollection<string> known)
    {
        try
        {
            using var reader = new StreamReader(path);
            return Read(reader, path, known);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"the configuration {path} cannot be read: {error.Message}");
        }
    }

    /// <summary>Reads a configuration: a flat mapping of names to values or lists of values.</summary>
    /// <param name="reader">YAML, or JSON, which is YAML, too.</param>
    /// <param name="path">Where it comes from, for errors.</param>
    /// <param name="known">The settings that there are.</param>
    /// <exception cref="CommandException">It is neither, or names a setting that does not exist.</exception>
    public static Dictionary<string, string> Read(TextReader reader, string path, IReadOnlyCollection<string> known)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var yaml = new YamlStream();
            yaml.Load(reader);
            if (yaml.Documents.Count == 0)
            {
                return settings;
            }

            if (yaml.Documents[0].RootNode is not YamlMappingNode root)
            {
                throw new CommandException($"{path} must be a mapping of settings to values");
            }

            foreach (var (key, value) in root.Children)
            {
                var name = (key as YamlScalarNode)?.Value ?? "";
                if (!known.Contains(name))
                {
                    throw new CommandException($"{path}: there is no setting \"{name}\"; there are {string.Join(", ", known)}");
                }

                settings[name] = value switch
                {
                    YamlScalarNode scalar => scalar.Value ?? "",
                    YamlSequenceNode list => string.Join(',', list.Children.OfType<YamlScalarNode>().Select(item => item.Value)),
                    _ => throw new CommandException($"{path}: {name} must be a value or a list of values"),
                };
            }

            return settings;
        }
        catch (YamlException error)
        {
            throw new CommandException($"{path}: line {error.Start.Line}: {error.Message}");
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            // The parser's own confusion over some files that are not YAML.
            throw new CommandException($"{path} is neither YAML nor JSON: {error.Message}");
        }
    }

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
