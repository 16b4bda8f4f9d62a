namespace Atoll.Foundation.Bytes;

/// <summary>The order of keys everywhere in Atoll: byte by byte, unsigned, a prefix before what it begins.</summary>
public sealed class KeyOrder : IComparer<ReadOnlyMemory<byte>>, IComparer<byte[]>
{
    /// <summary>The one instance.</summary>
    public static readonly KeyOrder Instance = new();

    private KeyOrder()
    {
    }

    /// <summary>Negative, zero or positive as <paramref name="x"/> comes before, is, or comes after.</summary>
    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);

    /// <summary>Negative, zero or positive as <paramref name="x"/> comes before, is, or comes after.</summary>
    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y.AsSpan());

    /// <summary>
    /// The first key after all keys that begin with the prefix, or empty when there is none (the prefix is empty or all 0xFF):
    /// a scan to the empty key is a scan to the end.
    /// </summary>
    public static byte[] EndOfPrefix(ReadOnlySpan<byte> prefix)
    {
        var length = prefix.Length;
        while (length > 0 && prefix[length - 1] == 0xFF)
        {
            length--;
        }

        if (length == 0)
        {
            return [];
        }

        var end = prefix[..length].ToArray();
        end[^1]++;
        return end;
    }

    /// <summary>The first key after this one: the key with a zero byte behind it.</summary>
    public static byte[] Successor(ReadOnlySpan<byte> key)
    {
        var next = new byte[key.Length + 1];
        key.CopyTo(next);
        return next;
    }
}
