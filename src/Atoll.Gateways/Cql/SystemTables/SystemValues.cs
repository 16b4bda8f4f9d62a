using System.Buffers.Binary;
using System.Net;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>Values of the system's tables, as the native protocol has them (section 5).</summary>
internal static class SystemValues
{
    public static byte[] Text(string value) => Encoding.UTF8.GetBytes(value);

    public static byte[] Int(int value)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Timestamp(DateTimeOffset value)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value.ToUnixTimeMilliseconds());
        return bytes;
    }

    public static byte[] Boolean(bool value) => [value ? (byte)1 : (byte)0];

    public static byte[] Uuid(Guid value) => value.ToByteArray(bigEndian: true);

    public static byte[] Inet(IPAddress value) => value.GetAddressBytes();

    /// <summary>A set of texts, in the order of their bytes.</summary>
    public static byte[] TextSet(IEnumerable<string> values)
    {
        var elements = values.Select(Text).Distinct(new ByteEquality()).Order(KeyOrder.Instance).ToArray();
        var writer = new WireWriter();
        writer.WriteInt(elements.Length);
        foreach (var element in elements)
        {
            writer.WriteNullableBytes(element);
        }

        return writer.ToArray();
    }

    /// <summary>A map of texts to texts, in the order of the keys' bytes.</summary>
    public static byte[] TextMap(IReadOnlyDictionary<string, string> values)
    {
        var writer = new WireWriter();
        writer.WriteInt(values.Count);
        foreach (var (key, value) in values.Select(pair => (Key: Text(pair.Key), Value: Text(pair.Value)))
            .OrderBy(pair => pair.Key, KeyOrder.Instance))
        {
            writer.WriteNullableBytes(key);
            writer.WriteNullableBytes(value);
        }

        return writer.ToArray();
    }

    private sealed class ByteEquality : IEqualityComparer<byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => obj.Length;
    }
}
