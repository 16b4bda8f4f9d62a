using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>What becomes of a request: an answer, nothing, or the connection's end.</summary>
/// <param name="Correlation">The number that the client gave the request.</param>
/// <param name="Body">The answer; null for nothing.</param>
/// <param name="Version">The version that it is written in.</param>
/// <param name="HasTaggedHeader">Whether its head has tagged fields.</param>
/// <param name="WhyClosed">Why the connection must be closed; null when it need not.</param>
public sealed record KafkaReply(int Correlation, IKafkaMessage? Body, int Version, bool HasTaggedHeader, string? WhyClosed)
{
    /// <summary>No answer.</summary>
    public static readonly KafkaReply None = new(0, null, 0, false, null);

    private ReadOnlyMemory<byte>? BareContents { get; init; }

    /// <summary>An answer without a head.</summary>
    public static KafkaReply Bare(ReadOnlyMemory<byte> contents) => new(0, null, 0, false, null) { BareContents = contents };

    /// <summary>The end of the connection: nothing that the client can understand can be said.</summary>
    public static KafkaReply Close(string why) => new(0, null, 0, false, why);

    /// <summary>Appends the answer as it goes over the wire, if there is one.</summary>
    public void Write(WireWriter target)
    {
        if (BareContents is { } bare)
        {
            target.WriteUInt32(BinaryPrimitives.ReverseEndianness((uint)bare.Length));
            target.WriteRaw(bare.Span);
        }

        if (Body is null)
        {
            return;
        }

        var length = target.ReserveUInt32();
        var start = target.Length;
        var writer = new KafkaWriter(target);
        writer.WriteInt32(Correlation);
        if (HasTaggedHeader)
        {
            writer.WriteTagCount(0);
        }

        Body.Write(writer, Version);
        target.PatchUInt32(length, BinaryPrimitives.ReverseEndianness((uint)(target.Length - start)));
    }
}
