namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A property behind WITH. No name occurs twice in a statement.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">The value.</param>
public sealed record Property(string Name, PropertyValue Value);

/// <summary>The value of a property.</summary>
public abstract record PropertyValue;

/// <summary>A single value. Which literal it was written as doesn't matter: <c>3</c> and <c>'3'</c> are the same.</summary>
/// <param name="Text">Its text, without quotes.</param>
public sealed record PropertyText(string Text) : PropertyValue;

/// <summary>A map of texts: <c>{'class': 'SimpleStrategy', 'replication_factor': 3}</c>. No key occurs twice.</summary>
/// <param name="Entries">The entries, as written.</param>
public sealed record PropertyMap(SyntaxList<PropertyEntry> Entries) : PropertyValue;

/// <summary>An entry of a property that is a map.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
public sealed record PropertyEntry(string Key, string Value);
