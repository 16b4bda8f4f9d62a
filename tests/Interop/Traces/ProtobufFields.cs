using System.Buffers.Binary;
using System.Text;

namespace Atoll.Interop.Tests.Traces;

/// <summary>A field of a protobuf message (protobuf.dev, "Encoding"): a number, or bytes that may be a text or a message.</summary>
internal readonly record struct ProtobufField(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes.Span);

    public string Hex => Convert.ToHexStringLower(Bytes.Span);
}

/// <summary>Just enough of the protobuf encoding to read what an exporter sends; anything malformed is an exception.</summary>
internal static class ProtobufFields
{
    public static List<ProtobufField> Read(ReadOnlyMemory<byte> message)
    {
        var fields = new List<ProtobufField>();
        var rest = message;
        while (!rest.IsEmpty)
        {
            var tag = Varint(ref rest);
            var number = checked((int)(tag >> 3));
            fields.Add((tag & 7) switch
            {
                0 => new ProtobufField(number, Varint(ref rest), default),
                1 => new ProtobufField(number, BinaryPrimitives.ReadUInt64LittleEndian(Take(ref rest, 8).Span), default),
                2 => new ProtobufField(number, 0, Take(ref rest, Varint(ref rest))),
                5 => new ProtobufField(number, BinaryPrimitives.ReadUInt32LittleEndian(Take(ref rest, 4).Span), default),
                var type => throw new InvalidDataException($"field {number} has the unknown wire type {type}"),
            });
        }

        return fields;
    }

    /// <summary>The messages or texts in a repeated field.</summary>
    public static IEnumerable<ProtobufField> All(ReadOnlyMemory<byte> message, int number) =>
        Read(message).Where(field => field.Number == number);

    private static ulong Varint(ref ReadOnlyMemory<byte> rest)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(ref rest, 1).Span[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a varint without an end");
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest, ulong count)
    {
        if (count > (ulong)rest.Length)
        {
            throw new InvalidDataException("a field that is longer than its message");
        }

        var taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }
}
