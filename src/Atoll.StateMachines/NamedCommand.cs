using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines;

/// <summary>
/// The frame of commands about things with names, whose shards are found by these. Layout: kind (byte), name, and what the kind has; of
/// what only a coordinator says, a number and the names in place of one.
/// </summary>
internal static class NamedCommand
{
    /// <summary>The hash by which the shard of a name is found.</summary>
    internal static ulong HashOf(string name) => StableHash.Compute(Encoding.UTF8.GetBytes(name));

    /// <summary>Whether there may be such a name: not empty, and of so many bytes of UTF-8 at most.</summary>
    internal static bool IsName(string name, int bytesMax) => name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= bytesMax;

    /// <summary>Begins a command of one name.</summary>
    internal static void Begin(WireWriter writer, byte kind, string name)
    {
        writer.WriteByte(kind);
        writer.WriteString(name);
    }

    /// <summary>A command of a coordinator that has names and nothing else.</summary>
    internal static void Write(WireWriter writer, byte kind, IReadOnlyCollection<string> names)
    {
        writer.WriteByte(kind);
        WriteNames(writer, names);
    }

    /// <summary>The names of such a command; null when the bytes are none, or these are too many.</summary>
    internal static List<string>? TryRead(ReadOnlyMemory<byte> command, int max)
    {
        var reader = new WireReader(command[1..]);
        var names = ReadNames(ref reader, max);
        return reader.OkAtEnd ? names : null;
    }

    /// <summary>Names: how many, and each.</summary>
    internal static void WriteNames(WireWriter writer, IReadOnlyCollection<string> names)
    {
        writer.WriteVarint((ulong)names.Count);
        foreach (var name in names)
        {
            writer.WriteString(name);
        }
    }

    /// <summary>Reads names; the reader fails when there are too many.</summary>
    internal static List<string> ReadNames(ref WireReader reader, int max)
    {
        var count = reader.ReadCount(max);
        var names = new List<string>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            names.Add(reader.ReadString());
        }

        return names;
    }

    /// <summary>Looks at a command before it is proposed.</summary>
    /// <param name="command">The command; any bytes.</param>
    /// <param name="words">What the commands are about, for people.</param>
    /// <param name="isCoordinators">Whether only a coordinator says such a thing.</param>
    /// <param name="nameIn">The name in a command of one; null when the bytes are none.</param>
    /// <param name="hashLow">The lowest hash of the shard.</param>
    /// <param name="hashHigh">The highest hash of the shard.</param>
    internal static CommandFault Validate(
        ReadOnlyMemory<byte> command, in NamedCommandWords words, bool isCoordinators, Func<ReadOnlyMemory<byte>, string?> nameIn,
        ulong hashLow, ulong hashHigh)
    {
        if (command.Length > Limits.ValueBytesMax)
        {
            return CommandFault.TooLarge(
                $"a command of {words.Thing} has at most {Limits.ValueBytesMax} bytes, this one has {command.Length}");
        }

        if (isCoordinators)
        {
            return CommandFault.Invalid("only a coordinator says what is over");
        }

        if (nameIn(command) is not { } name)
        {
            return CommandFault.Invalid($"the bytes are not a command of {words.Thing}");
        }

        var hash = HashOf(name);
        return hash < hashLow || hash > hashHigh
            ? CommandFault.WrongShard($"{words.Name} \"{name}\" belongs to another shard") : CommandFault.None;
    }
}

/// <summary>What commands are about, for people.</summary>
/// <param name="Thing">As in: a command of a group.</param>
/// <param name="Name">As in: the group "x".</param>
internal readonly record struct NamedCommandWords(string Thing, string Name);
