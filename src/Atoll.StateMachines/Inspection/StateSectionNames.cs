using System.Buffers.Binary;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Inspection;

/// <summary>The sections of a shard's tree, and their keys, in words: for tools.</summary>
public static class StateSectionNames
{
    private static readonly (byte Section, string Name)[] Named =
    [
        (StateSections.Notes, "notes"),
        (StateSections.Records, "records"),
        (StateSections.Expiries, "expiries"),
        (StateSections.Changes, "changes"),
        (StateSections.Requests, "requests"),
        (StateSections.Meta, "meta"),
    ];

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Named.Select(static pair => pair.Name)];

    /// <summary>A section's name; its number when it has none.</summary>
    public static string Of(byte section)
    {
        foreach (var (number, name) in Named)
        {
            if (number == section)
            {
                return name;
            }
        }

        return $"section {section}";
    }

    /// <summary>The section of a name.</summary>
    /// <param name="name">One of <see cref="All"/>.</param>
    public static byte Parse(string name) => Named.First(pair => pair.Name == name).Section;

    /// <summary>
    /// What stands in front of a user's key in a section, or in its place: an expiry's time, a change's version, a client's number.
    /// </summary>
    /// <param name="section">The section.</param>
    /// <param name="key">A key of it, or the beginning of one.</param>
    /// <param name="rest">The user's key, when there is one.</param>
    public static string Prefix(byte section, ReadOnlyMemory<byte> key, out ReadOnlyMemory<byte> rest)
    {
        rest = default;
        var span = key.Span;
        switch (section)
        {
            case StateSections.Expiries when key.Length >= 8:
                rest = key[8..];
                return $"at {new HybridTime(BinaryPrimitives.ReadUInt64BigEndian(span))}";
            case StateSections.Changes when key.Length == 12:
                return $"{new HybridTime(BinaryPrimitives.ReadUInt64BigEndian(span))}/{BinaryPrimitives.ReadUInt32BigEndian(span[8..])}";
            case StateSections.Requests when key.Length == 8:
                return $"client {BinaryPrimitives.ReadUInt64BigEndian(span):x16}";
            case StateSections.Meta when span.SequenceEqual(StateSections.StateKey):
                return "state";
            case StateSections.Meta when span.SequenceEqual(StateSections.MachineKey):
                return "machine";
            default:
                rest = key;
                return "";
        }
    }
}
