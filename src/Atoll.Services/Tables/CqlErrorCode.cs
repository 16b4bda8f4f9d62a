namespace Atoll.Services.Tables;

/// <summary>The error codes of the native protocol (native_protocol_v5.spec, section 8).</summary>
public enum CqlErrorCode
{
    /// <summary>Something unexpected happened: a fault of the server's own.</summary>
    ServerError = 0x0000,

    /// <summary>The client's message broke the protocol.</summary>
    ProtocolError = 0x000A,

    /// <summary>Authentication failed.</summary>
    BadCredentials = 0x0100,

    /// <summary>Fewer replicas are up than the consistency level needs: not tried. Details: <see cref="UnavailableDetails"/>.</summary>
    Unavailable = 0x1000,

    /// <summary>Refused because there is too much to do already.</summary>
    Overloaded = 0x1001,

    /// <summary>The node is starting.</summary>
    IsBootstrapping = 0x1002,

    /// <summary>A truncation failed.</summary>
    TruncateError = 0x1003,

    /// <summary>A write was not acknowledged in time by as many replicas as needed. Details: <see cref="WriteTimeoutDetails"/>.</summary>
    WriteTimeout = 0x1100,

    /// <summary>A read was not answered in time. Details: <see cref="ReadTimeoutDetails"/>.</summary>
    ReadTimeout = 0x1200,

    /// <summary>A replica could not serve a read. Details: <see cref="ReadFailureDetails"/>.</summary>
    ReadFailure = 0x1300,

    /// <summary>A user-defined function failed. Details: <see cref="FunctionFailureDetails"/>.</summary>
    FunctionFailure = 0x1400,

    /// <summary>A replica could not apply a write. Details: <see cref="WriteFailureDetails"/>.</summary>
    WriteFailure = 0x1500,

    /// <summary>A write to a table with change data capture was refused.</summary>
    CdcWriteFailure = 0x1600,

    /// <summary>A conditional write's outcome is unknown. Details: <see cref="CasWriteUnknownDetails"/>.</summary>
    CasWriteUnknown = 0x1700,

    /// <summary>The text is not CQL.</summary>
    Syntax = 0x2000,

    /// <summary>The role may not do that.</summary>
    Unauthorized = 0x2100,

    /// <summary>The statement is CQL, and wrong.</summary>
    Invalid = 0x2200,

    /// <summary>The statement is wrong in its configuration options.</summary>
    ConfigError = 0x2300,

    /// <summary>A keyspace or table of the name exists. Details: <see cref="AlreadyExistsDetails"/>.</summary>
    AlreadyExists = 0x2400,

    /// <summary>The prepared statement's id is not known here. Details: <see cref="UnpreparedDetails"/>.</summary>
    Unprepared = 0x2500,
}
