using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>What a client asks for (native protocol, section 4.1).</summary>
public abstract record CqlRequest
{
    /// <summary>The message's opcode.</summary>
    public abstract CqlOpcode Opcode { get; }

    /// <summary>Whether the client wants to know how the request was served.</summary>
    public bool Tracing { get; init; }

    /// <summary>What came beside the request, by name; null when nothing did. Kept by proxies, without meaning here.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>?>? CustomPayload { get; init; }
}

/// <summary>Begins the connection.</summary>
/// <param name="Options">By name; unknown ones mean nothing.</param>
public sealed record StartupRequest(IReadOnlyDictionary<string, string> Options) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Startup;
}

/// <summary>Asks what STARTUP may say.</summary>
public sealed record OptionsRequest : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Options;
}

/// <summary>Brings credentials.</summary>
/// <param name="Token">What the mechanism makes of them.</param>
public sealed record AuthResponseRequest(ReadOnlyMemory<byte>? Token) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.AuthResponse;
}

/// <summary>Asks for events.</summary>
/// <param name="EventTypes">Of which types.</param>
public sealed record RegisterRequest(IReadOnlyList<string> EventTypes) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Register;
}

/// <summary>A statement in words.</summary>
/// <param name="Query">The statement.</param>
/// <param name="Options">What comes with it.</param>
/// <param name="SkipMetadata">Whether the client knows the columns of the rows already.</param>
public sealed record QueryRequest(string Query, StatementOptions Options, bool SkipMetadata) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Query;
}

/// <summary>A statement to be kept.</summary>
/// <param name="Query">The statement.</param>
/// <param name="Keyspace">The keyspace of names without one (version 5); null: the connection's.</param>
public sealed record PrepareRequest(string Query, string? Keyspace) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Prepare;
}

/// <summary>A kept statement with values.</summary>
/// <param name="Id">The id that PREPARE gave.</param>
/// <param name="ResultMetadataId">The id of the columns that the client knows (version 5); else empty.</param>
/// <param name="Options">What comes with it.</param>
/// <param name="SkipMetadata">Whether the client knows the columns of the rows already.</param>
public sealed record ExecuteRequest(
    ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> ResultMetadataId, StatementOptions Options, bool SkipMetadata) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Execute;
}

/// <summary>Several statements as one.</summary>
/// <param name="Kind">Of which kind.</param>
/// <param name="Items">The statements.</param>
/// <param name="Options">What comes with all of them; without values.</param>
public sealed record BatchRequest(BatchKind Kind, IReadOnlyList<BatchItem> Items, StatementOptions Options) : CqlRequest
{
    /// <inheritdoc />
    public override CqlOpcode Opcode => CqlOpcode.Batch;
}

/// <summary>A statement of a batch: in words, or the id of a kept one.</summary>
/// <param name="Query">The statement; null when it is a kept one.</param>
/// <param name="PreparedId">The id of a kept one; else empty.</param>
/// <param name="Values">Values for the bind markers, in order.</param>
public sealed record BatchItem(string? Query, ReadOnlyMemory<byte> PreparedId, IReadOnlyList<CqlValue> Values);
