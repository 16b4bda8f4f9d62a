using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Eventual;

/// <summary>What becomes of one element of a record that is a set or a map.</summary>
/// <param name="Name">The element of a set, or the key in a map: any bytes.</param>
/// <param name="Value">What a map has under it; empty in a set, and when it is removed.</param>
/// <param name="IsRemoval">Whether it is removed.</param>
public readonly record struct ElementChange(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value, bool IsRemoval)
{
    /// <summary>An element that is put there, whatever was there.</summary>
    public static ElementChange Put(ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> value = default) => new(name, value, false);

    /// <summary>An element that is removed, also when it is not there.</summary>
    public static ElementChange Remove(ReadOnlyMemory<byte> name) => new(name, default, true);
}

/// <summary>
/// A client's change of elements of a record in a space of sets or maps. Layout: kind (byte, none of those of
/// <see cref="RecordsCommand"/>), key (bytes), time to live of what is put, in milliseconds (varint), count (varint), and for each whether
/// it is removed (byte), its name (bytes) and value (bytes, unless removed). In the order of their names, each once.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="TimeToLiveMilliseconds">How long what is put lives; 0 for ever.</param>
/// <param name="Changes">What is changed.</param>
public sealed record ElementsCommand(
    ReadOnlyMemory<byte> Key, long TimeToLiveMilliseconds, IReadOnlyList<ElementChange> Changes)
{
    private const byte Kind = 0x33;

    /// <summary>Whether bytes are meant to be one; anything may follow the first.</summary>
    public static bool Is(ReadOnlySpan<byte> command) => !command.IsEmpty && command[0] == Kind;

    /// <summary>Writes the command.</summary>
    public void WriteTo(WireWriter writer)
    {
        writer.WriteByte(Kind);
        writer.WriteBytes(Key.Span);
        writer.WriteVarint((ulong)TimeToLiveMilliseconds);
        writer.WriteVarint((ulong)Changes.Count);
        foreach (var change in Changes)
        {
            writer.WriteBool(change.IsRemoval);
            writer.WriteBytes(change.Name.Span);
            if (!change.IsRemoval)
            {
                writer.WriteBytes(change.Value.Span);
            }
        }
    }

    /// <summary>Reads a command; names and values are slices of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out ElementsCommand command)
    {
        var reader = new WireReader(bytes);
        var kind = reader.ReadByte();
        var key = reader.ReadBytes();
        var timeToLive = reader.ReadVarint();
        var changes = new List<ElementChange>();
        var isOrdered = true;
        for (var left = reader.ReadCount(Limits.BatchOperationsMax); left > 0 && reader.Ok; left--)
        {
            var isRemoval = reader.ReadBool();
            var name = reader.ReadBytes();
            isOrdered &= changes.Count == 0 || KeyOrder.Instance.Compare(changes[^1].Name, name) < 0;
            changes.Add(new ElementChange(name, isRemoval ? default : reader.ReadBytes(), isRemoval));
        }

        command = new ElementsCommand(key, (long)timeToLive, changes);
        return reader.OkAtEnd && isOrdered && kind == Kind && key.Length is > 0 and <= Limits.KeyBytesMax && changes.Count > 0
            && timeToLive <= Limits.TimeToLiveMillisecondsMax;
    }

    /// <summary>Checks a command: that it is one, keeps the bounds, and that its record belongs to the shard.</summary>
    /// <param name="bytes">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The bounds (<see cref="RecordsVersion.LimitsOf"/>).</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> bytes, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        if (!TryRead(bytes, out var command))
        {
            return CommandFault.Invalid("the bytes are not a change of elements");
        }

        var longest = command.Changes.Max(static change => change.Name.Length);
        return command.Key.Length > limits.KeyBytesMax
                ? CommandFault.TooLarge($"the key has {command.Key.Length} bytes, the limit is {limits.KeyBytesMax}")
            : longest > limits.KeyBytesMax
                ? CommandFault.TooLarge($"an element has {longest} bytes, the limit is {limits.KeyBytesMax}")
            : bytes.Length > limits.ValueBytesMax
                ? CommandFault.TooLarge($"the elements have {bytes.Length} bytes together, the limit is {limits.ValueBytesMax}")
            : StableHash.Compute(command.Key.Span) is var hash && (hash < hashLow || hash > hashHigh)
                ? CommandFault.WrongShard("a key of the command belongs to another shard")
            : CommandFault.None;
    }
}
