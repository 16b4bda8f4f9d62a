using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>What must be done for a client next.</summary>
public abstract record CqlAction
{
    /// <summary>Wait for more bytes.</summary>
    public static readonly CqlAction Wait = new WaitAction();
}

/// <summary>Wait for more bytes.</summary>
public sealed record WaitAction : CqlAction;

/// <summary>Send an answer.</summary>
/// <param name="Version">In that version.</param>
/// <param name="Stream">Under that stream.</param>
/// <param name="Response">The answer.</param>
public sealed record AnswerAction(CqlVersion Version, short Stream, CqlResponse Response) : CqlAction;

/// <summary>Send an answer, and everything after it in segments or compressed, as STARTUP asked.</summary>
/// <param name="Version">In that version; the connection's from now on.</param>
/// <param name="Stream">Under that stream.</param>
/// <param name="Response">The answer.</param>
/// <param name="Compression">How to compress.</param>
/// <param name="ClientName">What the client calls itself; empty when it does not.</param>
public sealed record StartAction(
    CqlVersion Version, short Stream, CqlResponse Response, CqlCompression Compression, string ClientName) : CqlAction;

/// <summary>Check credentials; tell the core whether they are good, and answer.</summary>
/// <param name="Stream">Under that stream.</param>
/// <param name="UserName">Who the client says to be.</param>
/// <param name="Password">Its password.</param>
public sealed record AuthenticateAction(short Stream, string UserName, string Password) : CqlAction;

/// <summary>Send events of these types from now on, and an answer.</summary>
/// <param name="Stream">Under that stream.</param>
/// <param name="EventTypes">The types that the client has registered for now.</param>
public sealed record RegisterAction(short Stream, CqlEventTypes EventTypes) : CqlAction;

/// <summary>Serve a statement, and answer when it is done.</summary>
/// <param name="Stream">Under that stream.</param>
/// <param name="Request">The statement.</param>
public sealed record ServeAction(short Stream, CqlRequest Request) : CqlAction;

/// <summary>Say why, and close the connection: nothing that comes after can be understood.</summary>
/// <param name="Version">In that version.</param>
/// <param name="Stream">Under that stream.</param>
/// <param name="Response">The error.</param>
public sealed record CloseAction(CqlVersion Version, short Stream, ErrorResponse Response) : CqlAction;
