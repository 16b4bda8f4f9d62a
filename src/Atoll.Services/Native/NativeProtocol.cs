using Atoll.Foundation;

namespace Atoll.Services.Native;

/// <summary>
/// The constants of the native protocol (docs/protocol.md): a handshake, then framed requests and responses over one TCP
/// connection, pipelined and answered in any order.
/// </summary>
public static class NativeProtocol
{
    /// <summary>The first four bytes that each side sends: "ATOL".</summary>
    public const uint Magic = 0x4C4F5441;

    /// <summary>The oldest version that this code speaks.</summary>
    public const ushort VersionMin = 1;

    /// <summary>The newest version that this code speaks.</summary>
    public const ushort VersionMax = 1;

    /// <summary>The longest body of a hello: token, name and room for what later versions add.</summary>
    public const int HelloBytesMax = 4096;

    /// <summary>The longest access token.</summary>
    public const int TokenBytesMax = 1024;

    /// <summary>The longest frame, from its type on: the largest request and its header.</summary>
    public const int FrameBytesMax = Limits.ClientFrameBytesMax;

    /// <summary>The port on which a node listens for clients when none is given.</summary>
    public const int DefaultPort = 4600;
}

/// <summary>What a frame is. The number is on the wire.</summary>
public enum NativeFrameType : byte
{
    /// <summary>Client to node: a request.</summary>
    Request = 1,

    /// <summary>Node to client: the answer with the request's correlation number.</summary>
    Response = 2,

    /// <summary>Either way: the sender closes the connection, for the reason in the body.</summary>
    Error = 3,

    /// <summary>Client to node: a sign of life is wanted.</summary>
    Ping = 4,

    /// <summary>Node to client: the sign of life, with the ping's correlation number; the body is the node's hybrid time.</summary>
    Pong = 5,

    /// <summary>Node to client: the node shuts down; open requests are still answered, new ones belong elsewhere.</summary>
    GoAway = 6,
}

/// <summary>Why a connection was refused or closed. The number is on the wire.</summary>
public enum NativeError : ushort
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The first bytes are not those of this protocol.</summary>
    NotThisProtocol = 1,

    /// <summary>The two sides have no version in common.</summary>
    VersionUnsupported = 2,

    /// <summary>The token is missing, wrong or no longer valid.</summary>
    Unauthenticated = 3,

    /// <summary>The handshake, or the rest of a frame that had begun, took too long.</summary>
    TooSlow = 4,

    /// <summary>A length is over the limit.</summary>
    TooLarge = 5,

    /// <summary>A checksum does not match: the bytes were altered on the way, or the sender is broken.</summary>
    ChecksumMismatch = 6,

    /// <summary>A frame or hello is not what its type says.</summary>
    Malformed = 7,

    /// <summary>The frame's type is unknown, or may not come from this side.</summary>
    UnexpectedFrame = 8,

    /// <summary>The node has as many connections as it may have.</summary>
    TooManyConnections = 9,

    /// <summary>The node shuts down.</summary>
    ShuttingDown = 10,
}
