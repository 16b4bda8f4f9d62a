using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>Puts the header before a body whose length is known only when it is written.</summary>
internal static class FrameWriter
{
    /// <summary>Leaves room for a header; write the body, then call <see cref="End"/> with the result.</summary>
    public static int Begin(WireWriter writer)
    {
        var start = writer.Length;
        writer.GetSpan(CqlFrameHeader.Bytes)[..CqlFrameHeader.Bytes].Clear();
        writer.Advance(CqlFrameHeader.Bytes);
        return start;
    }

    /// <summary>Fills in the header that <see cref="Begin"/> left open.</summary>
    public static void End(
        WireWriter writer, int start, CqlVersion version, bool isResponse, CqlFrameFlags flags, short stream, CqlOpcode opcode)
    {
        var end = writer.Length;
        Check.That(start >= 0 && end - start >= CqlFrameHeader.Bytes);
        var bodyBytes = (uint)(end - start - CqlFrameHeader.Bytes);

        // Back to where the header is, and to the end again: the writer keeps what lies between.
        writer.Truncate(start);
        new CqlFrameHeader((byte)version, isResponse, flags, stream, opcode, bodyBytes).Write(writer.GetSpan(CqlFrameHeader.Bytes));
        writer.Advance(end - start);
    }
}
