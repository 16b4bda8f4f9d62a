using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// An addition to a record that is a counter, at the replica that leads it. Layout: kind (byte), origin (two varints), identity (8, 8
/// bytes, varint), what is added (zigzag varint), key (bytes).
/// </summary>
/// <param name="Key">The record's key.</param>
/// <param name="Delta">What is added.</param>
/// <param name="Origin">This replica, in this life of its disk.</param>
/// <param name="Id">The update, the same in all its retries.</param>
/// <param name="IsOnlyAgain">As <see cref="CounterIncrement.IsOnlyAgain"/>.</param>
public sealed record RecordAddition(
    ReadOnlyMemory<byte> Key, long Delta, CounterOrigin Origin, CounterUpdateId Id, bool IsOnlyAgain = false)
{
    /// <summary>Writes the command; the result has the version to replicate (<see cref="EventualResult.Version"/>).</summary>
    public void WriteTo(WireWriter writer)
    {
        writer.WriteByte((byte)(IsOnlyAgain ? EventualCommandKind.AddToRecordAgain : EventualCommandKind.AddToRecord));
        writer.WriteVarint(Origin.Node.Value);
        writer.WriteVarint(Origin.Generation);
        writer.WriteUInt64(Id.Stamp.Value);
        writer.WriteUInt64(Id.Requester);
        writer.WriteVarint(Id.Number);
        writer.WriteVarint(ZigZag.Encode(Delta));
        writer.WriteBytes(Key.Span);
    }

    /// <summary>Reads the command; the key is a slice of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> command, out RecordAddition addition)
    {
        var reader = new WireReader(command);
        var kind = (EventualCommandKind)reader.ReadByte();
        var node = reader.ReadVarint();
        var generation = reader.ReadVarint();
        var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
        var delta = ZigZag.Decode(reader.ReadVarint());
        var key = reader.ReadBytes();
        addition = new RecordAddition(
            key, delta, new CounterOrigin(new NodeId((uint)node), (uint)generation), id, kind == EventualCommandKind.AddToRecordAgain);
        return reader.OkAtEnd && (kind is EventualCommandKind.AddToRecord or EventualCommandKind.AddToRecordAgain)
            && node <= uint.MaxValue && generation <= uint.MaxValue
            && key.Length is > 0 and <= Limits.KeyBytesMax - RowKey.RecordHeadBytes;
    }
}

/// <summary>
/// A client's addition to a record that is a counter. Layout: kind (byte, none of those of <see cref="RecordsCommand"/>), what is added
/// (zigzag varint), key (bytes).
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Delta">What is added.</param>
public readonly record struct AddCommand(ReadOnlyMemory<byte> Key, long Delta)
{
    private const byte Kind = 0x32;

    /// <summary>Whether bytes are meant to be one; anything may follow the first.</summary>
    public static bool Is(ReadOnlySpan<byte> command) => !command.IsEmpty && command[0] == Kind;

    /// <summary>Writes the command.</summary>
    public void WriteTo(WireWriter writer)
    {
        writer.WriteByte(Kind);
        writer.WriteVarint(ZigZag.Encode(Delta));
        writer.WriteBytes(Key.Span);
    }

    /// <summary>Reads a command; the key is a slice of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out AddCommand command)
    {
        var reader = new WireReader(bytes);
        var kind = reader.ReadByte();
        var delta = ZigZag.Decode(reader.ReadVarint());
        command = new AddCommand(reader.ReadBytes(), delta);
        return reader.OkAtEnd && kind == Kind && command.Key.Length is > 0 and <= Limits.KeyBytesMax;
    }

    /// <summary>Checks a command: that it is one, keeps the bounds, and that its record belongs to the shard.</summary>
    /// <param name="bytes">The bytes as they arrived.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="limits">The bounds (<see cref="RecordsVersion.LimitsOf"/>).</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> bytes, ulong hashLow, ulong hashHigh, in RecordLimits limits) =>
        !TryRead(bytes, out var command) ? CommandFault.Invalid("the bytes are not an addition to a counter")
        : command.Key.Length > limits.KeyBytesMax
            ? CommandFault.TooLarge($"the key has {command.Key.Length} bytes, the limit is {limits.KeyBytesMax}")
        : StableHash.Compute(command.Key.Span) is var hash && (hash < hashLow || hash > hashHigh)
            ? CommandFault.WrongShard("a key of the command belongs to another shard")
        : CommandFault.None;
}
