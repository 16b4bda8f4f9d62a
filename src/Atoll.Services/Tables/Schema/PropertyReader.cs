using System.Collections.Immutable;
using System.Globalization;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>The properties of a statement, taken out by name: what is left at the end is unknown.</summary>
internal sealed class PropertyReader
{
    private readonly SortedDictionary<string, PropertyValue> _left = new(StringComparer.Ordinal);

    public PropertyReader(SyntaxList<Property> properties)
    {
        foreach (var property in properties)
        {
            if (!_left.TryAdd(property.Name.ToLowerInvariant(), property.Value))
            {
                throw new CqlException(CqlErrorCode.Syntax, $"Multiple definition for property '{property.Name}'");
            }
        }
    }

    /// <summary>Refuses what nobody took.</summary>
    public void End()
    {
        if (_left.Count > 0)
        {
            throw new CqlException(CqlErrorCode.Syntax, $"Unknown property '{_left.First().Key}'");
        }
    }

    public string? Text(string name) => Take(name) switch
    {
        null => null,
        PropertyText text => text.Text,
        _ => throw new CqlException(CqlErrorCode.Syntax, $"Invalid value for property '{name}'. It should be a string"),
    };

    public ImmutableSortedDictionary<string, string>? Map(string name) => Take(name) switch
    {
        null => null,
        PropertyMap map => TableOptions.Map([.. map.Entries.Select(entry => (entry.Key, entry.Value))]),
        _ => throw new CqlException(CqlErrorCode.Syntax, $"Invalid value for property '{name}'. It should be a map."),
    };

    public bool? Boolean(string name) => Text(name)?.ToLowerInvariant() switch
    {
        null => null,
        "true" or "1" or "yes" => true,
        "false" or "0" or "no" => false,
        var text => throw new CqlException(
            CqlErrorCode.Syntax, $"Invalid boolean value {text} for '{name}'. Positive values can be '1', 'true' or 'yes'"),
    };

    public int? Integer(string name, int lowest)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
        {
            throw new CqlException(CqlErrorCode.Syntax, $"Invalid integer value {text} for '{name}'");
        }

        return value >= lowest
            ? value
            : throw CqlException.Configuration($"{name} must be greater than or equal to {lowest} (got {value})");
    }

    public double? Number(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        return CqlNumbers.TryParse(text, out var value)
            ? value
            : throw new CqlException(CqlErrorCode.Syntax, $"Invalid double value {text} for '{name}'");
    }

    private PropertyValue? Take(string name) => _left.Remove(name, out var value) ? value : null;
}
