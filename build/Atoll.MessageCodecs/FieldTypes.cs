namespace Atoll.MessageCodecs;

/// <summary>What the types of the schema are in C#, and how reader and writer call them.</summary>
internal static class FieldTypes
{
    /// <summary>The C# type of one value, not null.</summary>
    public static string OfValue(FieldDefinition field) => field.Type switch
    {
        "bool" => "bool",
        "int8" => "sbyte",
        "int16" => "short",
        "uint16" => "ushort",
        "int32" => "int",
        "int64" => "long",
        "float64" => "double",
        "uuid" => "System.Guid",
        "string" => "string",
        "bytes" or "records" => "System.ReadOnlyMemory<byte>",
        "error" => "KafkaError",
        var type => type,
    };

    /// <summary>The C# type of the property.</summary>
    public static string OfProperty(FieldDefinition field)
    {
        var type = field.IsArray ? $"System.Collections.Generic.IReadOnlyList<{OfValue(field)}>" : OfValue(field);
        return field.CanBeNull ? type + "?" : type;
    }

    /// <summary>What a value is when nothing else is said.</summary>
    public static string Default(FieldDefinition field) =>
        field.CanBeNull ? "null"
        : field.IsArray ? $"System.Array.Empty<{OfValue(field)}>()"
        : field.Struct is not null ? "new()"
        : field.Default.Length > 0 ? field.Default
        : field.Type switch
        {
            "string" => "\"\"",
            "bool" => "false",
            "bytes" or "records" or "uuid" or "error" => "default",
            _ => "0",
        };

    /// <summary>The end of the names of the reader's and writer's methods: Read..., Write....</summary>
    public static string Method(string type) => type switch
    {
        "bool" => "Bool",
        "int8" => "Int8",
        "int16" => "Int16",
        "uint16" => "UInt16",
        "int32" => "Int32",
        "int64" => "Int64",
        "float64" => "Float64",
        "uuid" => "Uuid",
        "string" => "String",
        "bytes" or "records" => "Bytes",
        _ => "Error",
    };

    /// <summary>Whether a value has a length before it, which is compact in flexible versions.</summary>
    public static bool HasLength(string type) => type is "string" or "bytes" or "records";

    /// <summary>The fewest bytes that a value takes in any version.</summary>
    public static int BytesMin(FieldDefinition field, VersionRange among) =>
        field.Struct is { } inner ? StructBytesMin(inner, among) : field.Type switch
        {
            "bool" or "int8" => 1,
            "int16" or "uint16" or "error" => 2,
            "int32" => 4,
            "int64" or "float64" => 8,
            "uuid" => 16,
            _ => 1,
        };

    private static int StructBytesMin(StructDefinition definition, VersionRange among) => Math.Max(1, definition.Fields
        .Where(field => field.Versions.Covers(among) && !field.IsTagged)
        .Sum(field => field.IsArray || field.CanBeNull ? 1 : BytesMin(field, among)));
}
