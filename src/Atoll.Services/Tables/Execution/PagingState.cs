using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Execution;

/// <summary>
/// Where a page of a query ended: all that any node needs to go on, whatever was written in between. The client keeps it and gives it back.
/// Layout: version (byte), rows left by LIMIT (varint, 0 for no limit, else 1 more), rows of the last partition so far (varint), the
/// last partition's key (bytes), the position of the range within it (varint), where the storage goes on (bytes).
/// </summary>
/// <param name="LimitLeft">Rows that LIMIT leaves; -1 without one.</param>
/// <param name="PartitionRows">Rows of the last partition so far.</param>
/// <param name="PartitionKey">The last partition.</param>
/// <param name="Range">Which of the ranges of clustering keys was being read.</param>
/// <param name="ResumeAfter">Where the storage goes on; empty at the start of the range.</param>
internal sealed record PagingState(
    long LimitLeft, long PartitionRows, ReadOnlyMemory<byte> PartitionKey, int Range, ReadOnlyMemory<byte> ResumeAfter)
{
    private const byte FormatVersion = 1;

    /// <summary>The state as bytes.</summary>
    public byte[] Encode()
    {
        var writer = new WireWriter(64 + PartitionKey.Length + ResumeAfter.Length);
        writer.WriteByte(FormatVersion);
        writer.WriteVarint((ulong)(LimitLeft + 1));
        writer.WriteVarint((ulong)PartitionRows);
        writer.WriteBytes(PartitionKey.Span);
        writer.WriteVarint((ulong)Range);
        writer.WriteBytes(ResumeAfter.Span);
        return writer.ToArray();
    }

    /// <summary>Reads a state.</summary>
    /// <exception cref="CqlException">The bytes are none (<see cref="CqlErrorCode.ProtocolError"/>).</exception>
    public static PagingState Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        var limit = reader.ReadVarint();
        var rows = reader.ReadVarint();
        var key = reader.ReadBytes();
        var range = reader.ReadCount(int.MaxValue);
        var resumeAfter = reader.ReadBytes();
        if (!reader.OkAtEnd || version != FormatVersion || limit > int.MaxValue || rows > int.MaxValue
            || key.Length > Limits.PartitionKeyBytesMax)
        {
            throw new CqlException(CqlErrorCode.ProtocolError, "Invalid value for the paging state");
        }

        return new PagingState((long)limit - 1, (long)rows, key, range, resumeAfter);
    }
}
