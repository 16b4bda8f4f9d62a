using System.Net;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>What a server says (native protocol, section 4.2).</summary>
public abstract record CqlResponse
{
    /// <summary>The message's opcode.</summary>
    public abstract CqlOpcode Opcode { get; }

    /// <summary>Under what id the request's trace is found; null when there is none.</summary>
    public Guid? TraceId { get; init; }

    /// <summary>What the client's programmer should know. Left out in version 3, which has no room for it.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What comes beside the answer, by name; null when nothing does. Left out in version 3.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>?>? CustomPayload { get; init; }
}

/// <summary>A request failed.</summary>
/// <param name="Code">How.</param>
/// <param name="Message">Why, in words.</param>
/// <param name="Details">What goes with errors of that kind; null for none, or nothing known.</param>
public sealed record ErrorResponse(CqlErrorCode Code, string Message, CqlErrorDetails? Details = null) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Error;
}

/// <summary>The connection may be used, or the events were noted.</summary>
public sealed record ReadyResponse : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Ready;
}

/// <summary>Credentials are needed.</summary>
/// <param name="Authenticator">For which mechanism, by the name of a class that drivers know.</param>
public sealed record AuthenticateResponse(string Authenticator) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Authenticate;
}

/// <summary>What STARTUP may say.</summary>
/// <param name="Options">The values of each option.</param>
public sealed record SupportedResponse(IReadOnlyDictionary<string, IReadOnlyList<string>> Options) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Supported;
}

/// <summary>More credentials are needed.</summary>
/// <param name="Token">What the mechanism says.</param>
public sealed record AuthChallengeResponse(ReadOnlyMemory<byte>? Token) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.AuthChallenge;
}

/// <summary>The credentials are good.</summary>
/// <param name="Token">What the mechanism says.</param>
public sealed record AuthSuccessResponse(ReadOnlyMemory<byte>? Token) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.AuthSuccess;
}

/// <summary>Something changed.</summary>
/// <param name="Event">What.</param>
public sealed record EventResponse(CqlEvent Event) : CqlResponse
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Event;
}

/// <summary>What a statement gave.</summary>
public abstract record ResultResponse : CqlResponse
{
    /// <inheritdoc />
    public sealed override CqlOpcode Opcode => CqlOpcode.Result;
}

/// <summary>Success, and nothing else.</summary>
public sealed record VoidResponse : ResultResponse;

/// <summary>Rows.</summary>
/// <param name="Columns">Their columns.</param>
/// <param name="Rows">A value for each column; null where there is none.</param>
/// <param name="PagingState">Where to go on; empty when these are the last rows.</param>
public sealed record RowsResponse(
    IReadOnlyList<ColumnSpec> Columns, IReadOnlyList<ReadOnlyMemory<byte>?[]> Rows, ReadOnlyMemory<byte> PagingState) : ResultResponse
{
    /// <summary>Whether the columns are left out because the client knows them.</summary>
    public bool SkipMetadata { get; init; }

    /// <summary>The id of the columns when they are not those that the client knows (version 5); else empty.</summary>
    public ReadOnlyMemory<byte> NewMetadataId { get; init; }
}

/// <summary>The connection's keyspace was chosen.</summary>
/// <param name="Keyspace">Its name.</param>
public sealed record KeyspaceResponse(string Keyspace) : ResultResponse;

/// <summary>A statement is kept.</summary>
/// <param name="Id">Under what id.</param>
/// <param name="ResultMetadataId">The id of its columns (version 5).</param>
/// <param name="Variables">Its bind markers.</param>
/// <param name="PartitionKeyIndexes">The positions of those that make the partition key (version 4 and later).</param>
/// <param name="Result">The columns of its rows; empty when it gives none.</param>
public sealed record PreparedResponse(
    ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> ResultMetadataId, IReadOnlyList<ColumnSpec> Variables,
    IReadOnlyList<int> PartitionKeyIndexes, IReadOnlyList<ColumnSpec> Result) : ResultResponse;

/// <summary>The schema was changed.</summary>
/// <param name="Change">What was changed.</param>
public sealed record SchemaChangeResponse(SchemaChange Change) : ResultResponse;

/// <summary>What clients may register for (native protocol, section 4.2.6).</summary>
[Flags]
public enum CqlEventTypes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Nodes come into the cluster and leave it.</summary>
    TopologyChange = 1,

    /// <summary>Nodes go down and come up.</summary>
    StatusChange = 2,

    /// <summary>Keyspaces, tables and types change.</summary>
    SchemaChange = 4,
}

/// <summary>Something that clients are told when they registered for it.</summary>
public abstract record CqlEvent
{
    /// <summary>Of which type.</summary>
    public abstract CqlEventTypes Type { get; }
}

/// <summary>A node came into the cluster, or left it.</summary>
/// <param name="Node">Where clients reach it.</param>
/// <param name="IsNew">Whether it came.</param>
public sealed record TopologyChangeEvent(IPEndPoint Node, bool IsNew) : CqlEvent
{
    /// <inheritdoc />
    public override CqlEventTypes Type => CqlEventTypes.TopologyChange;
}

/// <summary>A node went down, or came up.</summary>
/// <param name="Node">Where clients reach it.</param>
/// <param name="IsUp">Whether it came up.</param>
public sealed record StatusChangeEvent(IPEndPoint Node, bool IsUp) : CqlEvent
{
    /// <inheritdoc />
    public override CqlEventTypes Type => CqlEventTypes.StatusChange;
}

/// <summary>The schema was changed.</summary>
/// <param name="Change">What was changed.</param>
public sealed record SchemaChangeEvent(SchemaChange Change) : CqlEvent
{
    /// <inheritdoc />
    public override CqlEventTypes Type => CqlEventTypes.SchemaChange;
}
