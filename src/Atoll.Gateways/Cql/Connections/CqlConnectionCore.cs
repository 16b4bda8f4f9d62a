using System.Buffers;
using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>
/// What a server does with what a client sends: bytes in, one action at a time out. It has neither sockets nor time, and waits for nothing;
/// answers to statements go past it, in any order, by <see cref="CqlOutput"/>. Not thread-safe.
/// </summary>
/// <remarks>
/// OPTIONS is answered at any time. STARTUP comes first otherwise, once, and decides on the version and the compression of all that
/// follows; then credentials, where they are needed; then statements.
/// </remarks>
public sealed class CqlConnectionCore
{
    /// <summary>The mechanism that every driver knows: user name and password as SASL PLAIN (RFC 4616).</summary>
    public const string PasswordAuthenticator = "org.apache.cassandra.auth.PasswordAuthenticator";

    private static readonly string[] NamingOptions = ["APPLICATION_NAME", "DRIVER_NAME", "DRIVER_VERSION"];

    private readonly CqlFrameReader _reader;
    private readonly bool _needsCredentials;
    private CqlVersion _version = CqlProtocol.VersionMax;
    private CqlEventTypes _eventTypes;
    private Phase _phase;

    /// <summary>A connection that nothing came from yet.</summary>
    /// <param name="bodyBytesMax">The longest body that is accepted.</param>
    /// <param name="needsCredentials">Whether clients must say who they are.</param>
    public CqlConnectionCore(int bodyBytesMax, bool needsCredentials)
    {
        _reader = new CqlFrameReader(bodyBytesMax, isServer: true);
        _needsCredentials = needsCredentials;
    }

    private enum Phase
    {
        New,
        Authenticating,
        Checking,
        Ready,
        Closed,
    }

    /// <summary>Whether the client may send statements.</summary>
    public bool IsReady => _phase == Phase.Ready;

    /// <summary>Whether it was said that the connection must be closed.</summary>
    public bool IsClosed => _phase == Phase.Closed;

    /// <summary>Whether a frame has begun, and not ended, in what was taken.</summary>
    public bool IsInFrame => _reader.IsInFrame;

    /// <summary>The connection's version; the highest before STARTUP.</summary>
    public CqlVersion Version => _version;

    /// <summary>Says what to do next.</summary>
    /// <param name="input">What has come; begins behind what was taken afterwards.</param>
    public CqlAction Next(ref ReadOnlySequence<byte> input)
    {
        Check.That(_phase is not Phase.Closed and not Phase.Checking);
        switch (_reader.TryRead(ref input, out var frame))
        {
            case CqlReadStatus.NeedsMore:
                return CqlAction.Wait;
            case CqlReadStatus.Fault:
                return Close(_version, _reader.FaultStream, _reader.Fault);
            default:
                return Take(frame);
        }
    }

    /// <summary>The credentials of the last <see cref="AuthenticateAction"/> are good.</summary>
    public void Authenticated()
    {
        Check.That(_phase == Phase.Checking);
        _phase = Phase.Ready;
    }

    private CqlAction Take(in CqlFrame frame)
    {
        var version = (CqlVersion)frame.Header.Version;
        var stream = frame.Header.Stream;
        if (_phase != Phase.New && version != _version)
        {
            return Close(_version, stream, $"the connection was started in version {(int)_version}, and version {(int)version} came");
        }

        if (stream < 0)
        {
            return Close(version, stream, "streams below zero are the server's");
        }

        if (!RequestDecoder.TryDecode(frame, out var request, out var fault))
        {
            // The frame was whole: whatever follows can be understood.
            var refusal = new ErrorResponse(CqlErrorCode.ProtocolError, fault);
            return _phase == Phase.Ready ? new AnswerAction(version, stream, refusal) : Close(version, stream, fault);
        }

        return request switch
        {
            OptionsRequest => new AnswerAction(version, stream, Supported(version)),
            StartupRequest startup => Start(version, stream, startup),
            AuthResponseRequest credentials => Authenticate(version, stream, credentials),
            _ when _phase != Phase.Ready => Unexpected(version, stream, request.Opcode),
            RegisterRequest register => Register(version, stream, register),
            _ => new ServeAction(stream, request),
        };
    }

    private static SupportedResponse Supported(CqlVersion version) => new(new Dictionary<string, IReadOnlyList<string>>
    {
        ["COMPRESSION"] = version >= CqlVersion.V5 ? [BodyCompression.Names[0]] : BodyCompression.Names,
        ["CQL_VERSION"] = [CqlProtocol.LanguageVersion],
        ["PROTOCOL_VERSIONS"] = CqlProtocol.VersionNames,
    });

    private CqlAction Start(CqlVersion version, short stream, StartupRequest startup)
    {
        if (_phase != Phase.New)
        {
            return new AnswerAction(version, stream, new ErrorResponse(
                CqlErrorCode.ProtocolError, "Unexpected message STARTUP, the connection is already initialized"));
        }

        if (!startup.Options.TryGetValue("CQL_VERSION", out var language))
        {
            return Close(version, stream, "Missing value CQL_VERSION in STARTUP message");
        }

        if (language.Split('.')[0] != CqlProtocol.LanguageVersion.Split('.')[0])
        {
            return Close(version, stream, $"CQL version {language} is not supported; the version here is {CqlProtocol.LanguageVersion}");
        }

        var compression = CqlCompression.None;
        if (startup.Options.TryGetValue("COMPRESSION", out var name) && name.Length > 0
            && !BodyCompression.TryParse(name, out compression))
        {
            return Close(version, stream, $"Unknown compression algorithm: {name}");
        }

        if (version >= CqlVersion.V5 && compression == CqlCompression.Snappy)
        {
            return Close(version, stream, "Snappy is not part of version 5 of the protocol; LZ4 is");
        }

        _version = version;
        _phase = _needsCredentials ? Phase.Authenticating : Phase.Ready;
        if (version >= CqlVersion.V5)
        {
            _reader.StartSegments(compression != CqlCompression.None);
        }
        else
        {
            _reader.StartCompression(compression);
        }

        CqlResponse response = _needsCredentials ? new AuthenticateResponse(PasswordAuthenticator) : new ReadyResponse();
        return new StartAction(version, stream, response, compression, ClientName(startup.Options));
    }

    private static string ClientName(IReadOnlyDictionary<string, string> options)
    {
        var name = string.Join(
            ' ', NamingOptions.Select(option => options.GetValueOrDefault(option, "")).Where(value => value.Length > 0));
        const int lettersMax = 100;
        return name.Length <= lettersMax ? name : name[..lettersMax];
    }

    private CqlAction Authenticate(CqlVersion version, short stream, AuthResponseRequest credentials)
    {
        if (_phase != Phase.Authenticating)
        {
            return Unexpected(version, stream, CqlOpcode.AuthResponse);
        }

        // RFC 4616: whom to act for, who it is, the password, with zero bytes between them.
        var token = credentials.Token is { } bytes ? bytes.Span : default;
        var first = token.IndexOf((byte)0);
        var second = first < 0 ? -1 : token[(first + 1)..].IndexOf((byte)0) + first + 1;
        if (first < 0 || second <= first)
        {
            return Close(version, stream, "The credentials are not of the PLAIN mechanism", CqlErrorCode.BadCredentials);
        }

        _phase = Phase.Checking;
        return new AuthenticateAction(
            stream, Encoding.UTF8.GetString(token[(first + 1)..second]), Encoding.UTF8.GetString(token[(second + 1)..]));
    }

    private CqlAction Register(CqlVersion version, short stream, RegisterRequest register)
    {
        var types = _eventTypes;
        foreach (var name in register.EventTypes)
        {
            var type = MessageParts.EventType(name);
            if (type == CqlEventTypes.None)
            {
                return new AnswerAction(
                    version, stream, new ErrorResponse(CqlErrorCode.ProtocolError, $"an event type of \"{name}\" does not exist"));
            }

            types |= type;
        }

        _eventTypes = types;
        return new RegisterAction(stream, types);
    }

    private CqlAction Unexpected(CqlVersion version, short stream, CqlOpcode opcode)
    {
        var name = opcode == CqlOpcode.AuthResponse ? "AUTH_RESPONSE" : opcode.ToString().ToUpperInvariant();
        return _phase == Phase.Ready
            ? new AnswerAction(version, stream, new ErrorResponse(CqlErrorCode.ProtocolError, $"Unexpected message {name}"))
            : Close(version, stream, _phase == Phase.New
                ? $"Unexpected message {name}, expecting STARTUP or OPTIONS" : $"Unexpected message {name}, expecting AUTH_RESPONSE");
    }

    private CloseAction Close(
        CqlVersion version, short stream, string reason, CqlErrorCode code = CqlErrorCode.ProtocolError)
    {
        _phase = Phase.Closed;
        return new CloseAction(version, stream, new ErrorResponse(code, reason));
    }
}
