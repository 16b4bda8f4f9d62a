namespace Atoll.MessageCodecs;

/// <summary>A call of the protocol: a request and its response.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">Its number in a request's header.</param>
/// <param name="Versions">The versions that there are.</param>
/// <param name="Flexible">Those with compact lengths and tagged fields.</param>
internal sealed record ApiDefinition(string Name, int Key, VersionRange Versions, VersionRange Flexible)
{
    /// <summary>What the client sends.</summary>
    public MessageDefinition Request { get; } = new(Name + "Request");

    /// <summary>What it is answered.</summary>
    public MessageDefinition Response { get; } = new(Name + "Response");
}

/// <summary>A message: its fields, and the structs that they are made of.</summary>
/// <param name="Name">The name of its class.</param>
internal sealed record MessageDefinition(string Name)
{
    /// <summary>The message's own fields.</summary>
    public StructDefinition Top { get; } = new(Name);

    /// <summary>The structs inside, in the order in which they are named first.</summary>
    public List<StructDefinition> Structs { get; } = [];
}

/// <summary>Fields in the order in which they are on the wire.</summary>
/// <param name="Name">The name of its class.</param>
internal sealed record StructDefinition(string Name)
{
    /// <summary>The fields.</summary>
    public List<FieldDefinition> Fields { get; } = [];
}

/// <summary>A field.</summary>
/// <param name="Name">The property's name.</param>
/// <param name="Type">A type of the schema, or a struct's name.</param>
/// <param name="IsArray">Whether it is an array of these.</param>
/// <param name="Versions">The versions that have it.</param>
/// <param name="Nullable">Those in which it may be null.</param>
/// <param name="Tag">Its tag when it is a tagged field, else -1.</param>
/// <param name="Default">What it is in versions that lack it, as in the schema; empty for the type's own.</param>
/// <param name="Struct">The struct, when it is one.</param>
internal sealed record FieldDefinition(
    string Name, string Type, bool IsArray, VersionRange Versions, VersionRange Nullable, int Tag, string Default, StructDefinition? Struct)
{
    /// <summary>Whether it is a tagged field.</summary>
    public bool IsTagged => Tag >= 0;

    /// <summary>Whether the property can be null.</summary>
    public bool CanBeNull => !Nullable.IsEmpty || (IsTagged && Struct is not null && !IsArray);
}

/// <summary>Something in the schema that is not understood.</summary>
/// <param name="Line">The line, from 0.</param>
/// <param name="Message">Why.</param>
internal sealed record SchemaFault(int Line, string Message);
