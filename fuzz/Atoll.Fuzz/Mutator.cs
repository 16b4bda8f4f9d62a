using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Randomness;

namespace Atoll.Fuzz;

/// <summary>Makes inputs out of inputs; the same generator makes the same ones.</summary>
public sealed class Mutator
{
    private const int MutationsMax = 6;

    private static readonly byte[] TellingBytes =
        [0, 1, 2, 3, 0x0A, 0x20, 0x22, 0x25, 0x2C, 0x2F, 0x5C, 0x7B, 0x7F, 0x80, 0x81, 0xC0, 0xED, 0xFE, 0xFF];

    // Lengths and counts that somebody may believe: nothing, one, minus one, 3 GB, and where signs and widths end.
    private static readonly ulong[] TellingNumbers =
    [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x1_0000, 1_000_000, 3_000_000_000, int.MaxValue, int.MaxValue - 8,
        0x8000_0000, uint.MaxValue, uint.MaxValue - 7, 1UL << 32, 1UL << 62, (1UL << 62) - 1, long.MaxValue, 1UL << 63, ulong.MaxValue - 1,
        ulong.MaxValue,
    ];

    private readonly Prng _prng;
    private readonly int _inputBytesMax;
    private readonly byte[][] _words;

    /// <param name="prng">Decides everything.</param>
    /// <param name="inputBytesMax">Inputs are cut to this.</param>
    /// <param name="words">Words that mean something to the target.</param>
    public Mutator(Prng prng, int inputBytesMax, IReadOnlyList<string> words)
    {
        _prng = prng;
        _inputBytesMax = inputBytesMax;
        _words = [.. words.Select(Encoding.UTF8.GetBytes)];
    }

    /// <summary>A new input, made of one or two of those.</summary>
    /// <param name="inputs">The inputs; the good ones first.</param>
    /// <param name="good">How many of them are good: half of what is made is made of these.</param>
    public byte[] Next(IReadOnlyList<byte[]> inputs, int good)
    {
        var bytes = inputs[_prng.NextInt(0, (_prng.Chance(500_000) ? good : inputs.Count) - 1)].ToArray();
        var mutations = 1;
        while (mutations < MutationsMax && _prng.Chance(500_000))
        {
            mutations++;
        }

        for (; mutations > 0; mutations--)
        {
            bytes = Mutate(bytes, inputs);
        }

        return bytes.Length > _inputBytesMax ? bytes[.._inputBytesMax] : bytes;
    }

    private byte[] Mutate(byte[] bytes, IReadOnlyList<byte[]> inputs)
    {
        if (bytes.Length == 0)
        {
            return Insert(bytes, RandomBytes());
        }

        var at = _prng.NextInt(0, bytes.Length - 1);
        switch (_prng.NextInt(0, _words.Length > 0 ? 16 : 12))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _prng.NextInt(0, 7));
                return bytes;
            case 1:
                bytes[at] = _prng.Pick(TellingBytes);
                return bytes;
            case 2:
                bytes[at] = (byte)_prng.NextUInt64();
                return bytes;
            case 3:
                bytes[at] += (byte)_prng.NextInt(-8, 8);
                return bytes;
            case 4:
                WriteNumber(bytes.AsSpan(at), TellingNumber(bytes.Length));
                return bytes;
            case 5:
                return Insert(bytes, Varint(TellingNumber(bytes.Length)));
            case 6:
                return bytes[..at];
            case 7:
                return [.. bytes.AsSpan(0, at), .. bytes.AsSpan(Math.Min(bytes.Length, at + ShortLength()))];
            case 8:
                return Insert(bytes, Piece(bytes));
            case 9:
                return Insert(bytes, RandomBytes());
            case 10:
                var other = _prng.Pick(inputs);
                return [.. bytes.AsSpan(0, at), .. other.AsSpan(_prng.NextInt(0, other.Length))];
            case 11:
                var piece = Piece(_prng.Pick(inputs));
                piece.AsSpan(0, Math.Min(piece.Length, bytes.Length - at)).CopyTo(bytes.AsSpan(at));
                return bytes;
            case 12:
                bytes.AsSpan(at, Math.Min(bytes.Length - at, ShortLength())).Fill(_prng.Chance(700_000) ? (byte)0 : (byte)0xFF);
                return bytes;
            default:
                return Insert(bytes, _prng.Pick(_words));
        }
    }

    private byte[] Insert(byte[] bytes, ReadOnlySpan<byte> what)
    {
        var at = _prng.NextInt(0, bytes.Length);
        return [.. bytes.AsSpan(0, at), .. what, .. bytes.AsSpan(at)];
    }

    private byte[] Piece(byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            return [];
        }

        var at = _prng.NextInt(0, bytes.Length - 1);
        return bytes[at..Math.Min(bytes.Length, at + ShortLength())];
    }

    // Mostly short; now and then a block or all of it.
    private int ShortLength() => _prng.NextInt(0, 9) switch
    {
        0 => 4096,
        1 => _prng.NextInt(1, 5000),
        2 => int.MaxValue / 2,
        _ => _prng.NextInt(1, 40),
    };

    private byte[] RandomBytes()
    {
        var bytes = new byte[_prng.NextInt(1, 16)];
        _prng.Fill(bytes);
        return bytes;
    }

    private ulong TellingNumber(int length) => _prng.NextInt(0, 9) switch
    {
        0 => (ulong)_prng.NextInt(0, length),
        1 => (ulong)(length + _prng.NextInt(-2, 2)),
        2 => _prng.NextUInt64() >> _prng.NextInt(0, 63),
        _ => _prng.Pick(TellingNumbers),
    };

    private void WriteNumber(Span<byte> target, ulong number)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (_prng.Chance(900_000))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        }

        var width = _prng.Pick<int>([2, 4, 4, 8]);
        bytes[..Math.Min(width, target.Length)].CopyTo(target);
    }

    private static byte[] Varint(ulong number)
    {
        var writer = new Foundation.Bytes.WireWriter();
        writer.WriteVarint(number);
        return writer.ToArray();
    }
}
