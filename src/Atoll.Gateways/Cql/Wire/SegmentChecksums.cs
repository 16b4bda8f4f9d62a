using System.Buffers.Binary;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>The two checksums of a segment (native protocol, version 5, section 2).</summary>
public static class SegmentChecksums
{
    private const uint HeaderInitial = 0x875060;
    private const uint HeaderPolynomial = 0x1974F0B;
    private const uint PayloadPolynomial = 0xEDB88320; // CRC-32 of IEEE 802.3, lowest bit first

    private static readonly uint[] HeaderTable = MakeHeaderTable();
    private static readonly uint[] PayloadTables = MakePayloadTables();

    // The payload's checksum begins as if these four bytes had come before it.
    private static readonly uint PayloadInitial = AppendPayload(~0u, [0xFA, 0x2D, 0x55, 0xCA]);

    /// <summary>CRC-24 of a segment's header: 24 bits.</summary>
    public static uint OfHeader(ReadOnlySpan<byte> header)
    {
        var state = HeaderInitial;
        foreach (var octet in header)
        {
            state = ((state << 8) & 0xFFFFFF) ^ HeaderTable[(state >> 16) ^ octet];
        }

        return state;
    }

    /// <summary>CRC-32 of a segment's payload.</summary>
    public static uint OfPayload(ReadOnlySpan<byte> payload) => ~AppendPayload(PayloadInitial, payload);

    // Eight bytes at a time, a table for each ("slicing", Kounavis and Berry, 2005).
    private static uint AppendPayload(uint state, ReadOnlySpan<byte> data)
    {
        var tables = PayloadTables.AsSpan();
        while (data.Length >= 8)
        {
            var low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ state;
            var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            state = tables[(7 * 256) + (int)(low & 0xFF)] ^ tables[(6 * 256) + (int)((low >> 8) & 0xFF)]
                ^ tables[(5 * 256) + (int)((low >> 16) & 0xFF)] ^ tables[(4 * 256) + (int)(low >> 24)]
                ^ tables[(3 * 256) + (int)(high & 0xFF)] ^ tables[(2 * 256) + (int)((high >> 8) & 0xFF)]
                ^ tables[256 + (int)((high >> 16) & 0xFF)] ^ tables[(int)(high >> 24)];
            data = data[8..];
        }

        foreach (var octet in data)
        {
            state = (state >> 8) ^ tables[(int)((state ^ octet) & 0xFF)];
        }

        return state;
    }

    private static uint[] MakeHeaderTable()
    {
        var table = new uint[256];
        for (var i = 0; i < table.Length; i++)
        {
            var state = (uint)i << 16;
            for (var bit = 0; bit < 8; bit++)
            {
                state = (state << 1) ^ ((state & 0x800000) != 0 ? HeaderPolynomial : 0);
            }

            table[i] = state & 0xFFFFFF;
        }

        return table;
    }

    private static uint[] MakePayloadTables()
    {
        var tables = new uint[8 * 256];
        for (var i = 0; i < 256; i++)
        {
            var state = (uint)i;
            for (var bit = 0; bit < 8; bit++)
            {
                state = (state >> 1) ^ ((state & 1) != 0 ? PayloadPolynomial : 0);
            }

            tables[i] = state;
        }

        for (var i = 256; i < tables.Length; i++)
        {
            tables[i] = (tables[i - 256] >> 8) ^ tables[tables[i - 256] & 0xFF];
        }

        return tables;
    }
}
