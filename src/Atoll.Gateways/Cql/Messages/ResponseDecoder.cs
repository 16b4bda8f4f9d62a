using System.Diagnostics.CodeAnalysis;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>Reads what a server says, as a client does. Values are slices of the body.</summary>
public static class ResponseDecoder
{
    /// <summary>Reads the response of a frame.</summary>
    /// <param name="frame">The frame, of a version that is spoken here.</param>
    /// <param name="knownColumns">The columns of rows that come without them; null when none are known.</param>
    /// <param name="response">The response.</param>
    /// <returns>False when it cannot be read.</returns>
    public static bool TryDecode(
        in CqlFrame frame, IReadOnlyList<ColumnSpec>? knownColumns, [NotNullWhen(true)] out CqlResponse? response)
    {
        response = null;
        if (!frame.Header.IsResponse)
        {
            return false;
        }

        var reader = new CqlReader(frame.Body);
        Guid? trace = frame.Header.Flags.HasFlag(CqlFrameFlags.Tracing) ? reader.ReadUuid() : null;
        string[] warnings = frame.Header.Flags.HasFlag(CqlFrameFlags.Warning) ? reader.ReadStringList() : [];
        var payload = frame.Header.Flags.HasFlag(CqlFrameFlags.CustomPayload) ? MessageParts.ReadPayload(ref reader) : null;
        var read = Read(frame.Header.Opcode, ref reader, (CqlVersion)frame.Header.Version, knownColumns);
        if (read is null || !reader.Ok)
        {
            return false;
        }

        response = read with { TraceId = trace, Warnings = warnings, CustomPayload = payload };
        return true;
    }

    private static CqlResponse? Read(
        CqlOpcode opcode, ref CqlReader reader, CqlVersion version, IReadOnlyList<ColumnSpec>? knownColumns)
    {
        switch (opcode)
        {
            case CqlOpcode.Result:
                return ResultBody.Read(ref reader, version, knownColumns);
            case CqlOpcode.Error:
                return ErrorBody.Read(ref reader, version);
            case CqlOpcode.Ready:
                return new ReadyResponse();
            case CqlOpcode.Authenticate:
                return new AuthenticateResponse(reader.ReadString());
            case CqlOpcode.Supported:
                return ReadSupported(ref reader);
            case CqlOpcode.AuthChallenge:
                return new AuthChallengeResponse(reader.ReadBytes());
            case CqlOpcode.AuthSuccess:
                return new AuthSuccessResponse(reader.ReadBytes());
            case CqlOpcode.Event:
                return MessageParts.ReadEvent(ref reader) is { } happened ? new EventResponse(happened) : null;
            default:
                return null;
        }
    }

    private static SupportedResponse ReadSupported(ref CqlReader reader)
    {
        var options = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        for (var left = reader.ReadShortCount(4); left > 0 && reader.Ok; left--)
        {
            options[reader.ReadString()] = reader.ReadStringList();
        }

        return new SupportedResponse(options);
    }
}
