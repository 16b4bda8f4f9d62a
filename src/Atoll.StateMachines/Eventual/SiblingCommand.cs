using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// A client's write of a record in a space that keeps siblings. Layout: kind (byte, none of those of <see cref="RecordsCommand"/>), whether
/// it deletes (byte), key (bytes), context (bytes), time to live in milliseconds (varint), value (bytes).
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Context">What the answer to a get said of this record; empty when its writer has read nothing.</param>
/// <param name="IsDeletion">Whether it deletes.</param>
/// <param name="TimeToLiveMilliseconds">How long the value lives; 0 for ever.</param>
/// <param name="Value">The value; empty for a deletion.</param>
public readonly record struct SiblingCommand(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Context, bool IsDeletion, long TimeToLiveMilliseconds, ReadOnlyMemory<byte> Value)
{
    private const byte Kind = 0x31;

    /// <summary>Whether bytes are meant to be one; anything may follow the first.</summary>
    public static bool Is(ReadOnlySpan<byte> command) => !command.IsEmpty && command[0] == Kind;

    /// <summary>Writes the command.</summary>
    public void WriteTo(WireWriter writer)
    {
        writer.WriteByte(Kind);
        writer.WriteBool(IsDeletion);
        writer.WriteBytes(Key.Span);
        writer.WriteBytes(Context.Span);
        writer.WriteVarint((ulong)TimeToLiveMilliseconds);
        writer.WriteBytes(Value.Span);
    }

    /// <summary>Reads a command; all parts are slices of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out SiblingCommand command)
    {
        var reader = new WireReader(bytes);
        var kind = reader.ReadByte();
        var isDeletion = reader.ReadBool();
        var key = reader.ReadBytes();
        var context = reader.ReadBytes();
        var timeToLive = reader.ReadVarint();
        var value = reader.ReadBytes();
        command = new SiblingCommand(key, context, isDeletion, (long)timeToLive, value);
        return reader.OkAtEnd && kind == Kind && key.Length is > 0 and <= Limits.KeyBytesMax
            && timeToLive <= Limits.TimeToLiveMillisecondsMax && (!isDeletion || (timeToLive == 0 && value.IsEmpty));
    }

    /// <summary>Checks a command: that it is one, keeps the bounds, and that its record belongs to the shard.</summary>
    /// <param name="bytes">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The bounds (<see cref="RecordsVersion.LimitsOf"/>).</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> bytes, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        var valueBytesMax = Math.Min(limits.ValueBytesMax, Limits.SiblingBytesMax);
        return !TryRead(bytes, out var command) ? CommandFault.Invalid("the bytes are not a write of a record that keeps siblings")
            : command.Key.Length > limits.KeyBytesMax
                ? CommandFault.TooLarge($"the key has {command.Key.Length} bytes, the limit is {limits.KeyBytesMax}")
            : command.Value.Length > valueBytesMax
                ? CommandFault.TooLarge($"a value that is kept beside others has at most {valueBytesMax} bytes, not {command.Value.Length}")
            : StableHash.Compute(command.Key.Span) is var hash && (hash < hashLow || hash > hashHigh)
                ? CommandFault.WrongShard("a key of the command belongs to another shard")
            : CommandFault.None;
    }
}
