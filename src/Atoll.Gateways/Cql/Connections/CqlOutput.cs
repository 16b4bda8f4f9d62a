using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Connections;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>
/// The bytes towards a client: frames gather, and leave as they are (versions 3 and 4, and whatever comes before STARTUP is answered) or in
/// segments, as many in one as it holds. Not thread-safe.
/// </summary>
public sealed class CqlOutput
{
    private WireWriter _frames = new(4096);
    private CqlCompression _compression;
    private bool _inSegments;
    private int _bareBytes;

    /// <summary>Bytes that wait to be sent, before they are put into segments.</summary>
    public int WaitingBytes => _frames.Length;

    /// <summary>Appends an answer, compressed where that was agreed and is worth it.</summary>
    public void Write(CqlVersion version, short stream, CqlResponse response)
    {
        var start = _frames.Length;
        ResponseEncoder.Write(_frames, version, stream, response);
        var bodyBytes = _frames.Length - start - CqlFrameHeader.Bytes;
        if (bodyBytes > CqlProtocol.BodyBytesMax)
        {
            _frames.Truncate(start);
            ResponseEncoder.Write(_frames, version, stream, new ErrorResponse(
                Services.Tables.CqlErrorCode.Invalid,
                $"the answer of {bodyBytes} bytes is longer than the protocol allows; ask for fewer rows at once"));
        }
        else if (_compression != CqlCompression.None && !_inSegments && bodyBytes >= BodyCompression.WorthwhileBytesMin)
        {
            Compress(start);
        }
    }

    /// <summary>What is written from now on is compressed, or, in version 5, put into segments.</summary>
    public void Start(CqlVersion version, CqlCompression compression)
    {
        Check.That(!_inSegments && _compression == CqlCompression.None);
        _compression = compression;
        _inSegments = version >= CqlVersion.V5;
        _bareBytes = _frames.Length;
    }

    /// <summary>Takes all that waits.</summary>
    /// <param name="spare">An empty writer, which is used from now on or receives the bytes.</param>
    /// <returns>The bytes to send.</returns>
    public WireWriter Take(WireWriter spare)
    {
        Check.That(spare.Length == 0);
        if (!_inSegments)
        {
            (_frames, spare) = (spare, _frames);
            return spare;
        }

        spare.WriteRaw(_frames.Written[.._bareBytes]);
        SegmentWriter.Write(_frames.Written[_bareBytes..], _compression != CqlCompression.None, spare);
        _bareBytes = 0;
        _frames = GatheredReplies.Recycle(_frames);
        return spare;
    }

    private void Compress(int start)
    {
        var header = CqlFrameHeader.Read(_frames.Written[start..]);
        var body = _frames.Written[(start + CqlFrameHeader.Bytes)..].ToArray();
        _frames.Truncate(start + CqlFrameHeader.Bytes);
        BodyCompression.Compress(_compression, body, _frames);
        var bytes = _frames.Length - start - CqlFrameHeader.Bytes;
        if (bytes >= body.Length)
        {
            _frames.Truncate(start + CqlFrameHeader.Bytes);
            _frames.WriteRaw(body);
            return;
        }

        var length = _frames.Length - start;
        _frames.Truncate(start);
        (header with { BodyBytes = (uint)bytes, Flags = header.Flags | CqlFrameFlags.Compressed })
            .Write(_frames.GetSpan(CqlFrameHeader.Bytes));
        _frames.Advance(length);
    }
}
