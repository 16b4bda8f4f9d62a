using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;

namespace Atoll.Live.Networks;

/// <summary>
/// What a node that dials says first, after <see cref="Magic"/>: who it is, whom it means, and what the connection is for.
/// Everything is checked by who answers before anything else is read.
/// </summary>
/// <param name="VersionMin">The lowest protocol version that it speaks.</param>
/// <param name="VersionMax">The highest protocol version that it speaks.</param>
/// <param name="ClusterId">Its cluster.</param>
/// <param name="From">Itself.</param>
/// <param name="To">Whom it wants to talk to.</param>
/// <param name="Lane">What the connection is for.</param>
/// <param name="Loops">How many loops it runs.</param>
internal sealed record Greeting(ushort VersionMin, ushort VersionMax, ulong ClusterId, NodeId From, NodeId To, Lane Lane, byte Loops)
{
    /// <summary>Bytes before the first frame, both ways: a stranger's first bytes are told from these.</summary>
    public static ReadOnlySpan<byte> Magic => "ATOLLN1\n"u8;

    /// <summary>The bytes to send: the magic and one frame.</summary>
    public byte[] Encode()
    {
        var writer = new WireWriter();
        writer.WriteUInt16(VersionMin);
        writer.WriteUInt16(VersionMax);
        writer.WriteUInt64(ClusterId);
        writer.WriteUInt32(From.Value);
        writer.WriteUInt32(To.Value);
        writer.WriteByte((byte)Lane);
        writer.WriteByte(Loops);
        return [.. Magic, .. Frame.Build(FrameKind.Greeting, writer.Written)];
    }

    /// <summary>Reads a frame's payload. Later versions may add fields behind these.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> payload, out Greeting greeting)
    {
        var reader = new WireReader(payload);
        greeting = new Greeting(
            reader.ReadUInt16(),
            reader.ReadUInt16(),
            reader.ReadUInt64(),
            new NodeId(reader.ReadUInt32()),
            new NodeId(reader.ReadUInt32()),
            (Lane)reader.ReadByte(),
            reader.ReadByte());
        return reader.Ok && greeting.VersionMin <= greeting.VersionMax && greeting.Lane is Lane.Urgent or Lane.Bulk
            && greeting.Loops is > 0 and <= Limits.LoopsMax;
    }
}

/// <summary>What a node that was dialled answers when all is well.</summary>
/// <param name="Version">The protocol version that both will speak.</param>
/// <param name="ClusterId">Its cluster.</param>
/// <param name="Node">Itself.</param>
/// <param name="Loops">How many loops it runs.</param>
internal sealed record Welcome(ushort Version, ulong ClusterId, NodeId Node, byte Loops)
{
    /// <summary>The bytes to send: the magic and one frame.</summary>
    public byte[] Encode()
    {
        var writer = new WireWriter();
        writer.WriteUInt16(Version);
        writer.WriteUInt64(ClusterId);
        writer.WriteUInt32(Node.Value);
        writer.WriteByte(Loops);
        return [.. Greeting.Magic, .. Frame.Build(FrameKind.Welcome, writer.Written)];
    }

    /// <summary>Reads a frame's payload. Later versions may add fields behind these.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> payload, out Welcome welcome)
    {
        var reader = new WireReader(payload);
        welcome = new Welcome(reader.ReadUInt16(), reader.ReadUInt64(), new NodeId(reader.ReadUInt32()), reader.ReadByte());
        return reader.Ok && welcome.Loops is > 0 and <= Limits.LoopsMax;
    }
}

/// <summary>What a node that was dialled answers when it will not talk, or says before it closes: a sentence for people.</summary>
internal static class Refusal
{
    /// <summary>The bytes to send: one frame, and the magic before it when nothing was sent yet.</summary>
    public static byte[] Encode(string reason, bool isAnswer)
    {
        var writer = new WireWriter();
        writer.WriteString(reason);
        var frame = Frame.Build(FrameKind.Refusal, writer.Written);
        return isAnswer ? [.. Greeting.Magic, .. frame] : frame;
    }

    /// <summary>Reads a frame's payload.</summary>
    public static string Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new WireReader(payload);
        var reason = reader.ReadString();
        return reader.Ok ? reason : "refused without a readable reason";
    }
}
