using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>Writes what a server says.</summary>
public static class ResponseEncoder
{
    /// <summary>Appends the frame of a response.</summary>
    /// <param name="writer">Receives header and body; not compressed, and not in a segment.</param>
    /// <param name="version">The version.</param>
    /// <param name="stream">The request's stream; -1 for events.</param>
    /// <param name="response">The response. What the version has no room for is left out.</param>
    public static void Write(WireWriter writer, CqlVersion version, short stream, CqlResponse response)
    {
        var hasWarnings = response.Warnings.Count > 0 && version >= CqlVersion.V4;
        var hasPayload = response.CustomPayload is not null && version >= CqlVersion.V4;
        var flags = (response.TraceId is null ? 0 : CqlFrameFlags.Tracing) | (hasWarnings ? CqlFrameFlags.Warning : 0)
            | (hasPayload ? CqlFrameFlags.CustomPayload : 0);
        var start = FrameWriter.Begin(writer);
        if (response.TraceId is { } trace)
        {
            writer.WriteUuid(trace);
        }

        if (hasWarnings)
        {
            writer.WriteStringList(response.Warnings);
        }

        if (hasPayload)
        {
            MessageParts.WritePayload(writer, response.CustomPayload!);
        }

        WriteBody(writer, version, response);
        FrameWriter.End(writer, start, version, isResponse: true, flags, stream, response.Opcode);
    }

    private static void WriteBody(WireWriter writer, CqlVersion version, CqlResponse response)
    {
        switch (response)
        {
            case ResultResponse result:
                ResultBody.Write(writer, version, result);
                break;
            case ErrorResponse error:
                ErrorBody.Write(writer, version, error);
                break;
            case AuthenticateResponse authenticate:
                writer.WriteShortString(authenticate.Authenticator);
                break;
            case SupportedResponse supported:
                writer.WriteShort((ushort)supported.Options.Count);
                foreach (var (name, values) in supported.Options.OrderBy(option => option.Key, StringComparer.Ordinal))
                {
                    writer.WriteShortString(name);
                    writer.WriteStringList(values);
                }

                break;
            case AuthChallengeResponse challenge:
                writer.WriteNullableBytes(challenge.Token);
                break;
            case AuthSuccessResponse success:
                writer.WriteNullableBytes(success.Token);
                break;
            case EventResponse happened:
                MessageParts.WriteEvent(writer, happened.Event);
                break;
            default:
                Check.That(response is ReadyResponse);
                break;
        }
    }
}
