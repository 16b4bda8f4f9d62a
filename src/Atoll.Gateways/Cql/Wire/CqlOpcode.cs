namespace Atoll.Gateways.Cql.Wire;

/// <summary>What a message is (native protocol, section 2.4).</summary>
public enum CqlOpcode : byte
{
    /// <summary>From the server: a request failed.</summary>
    Error = 0x00,

    /// <summary>From the client: begins the connection.</summary>
    Startup = 0x01,

    /// <summary>From the server: the connection may be used.</summary>
    Ready = 0x02,

    /// <summary>From the server: credentials are needed.</summary>
    Authenticate = 0x03,

    /// <summary>From the client: asks what STARTUP may say; also the drivers' heartbeat.</summary>
    Options = 0x05,

    /// <summary>From the server: answers OPTIONS.</summary>
    Supported = 0x06,

    /// <summary>From the client: a statement in words.</summary>
    Query = 0x07,

    /// <summary>From the server: what a statement gave.</summary>
    Result = 0x08,

    /// <summary>From the client: a statement to be kept.</summary>
    Prepare = 0x09,

    /// <summary>From the client: a kept statement with values.</summary>
    Execute = 0x0A,

    /// <summary>From the client: asks for events.</summary>
    Register = 0x0B,

    /// <summary>From the server: something changed.</summary>
    Event = 0x0C,

    /// <summary>From the client: several statements as one.</summary>
    Batch = 0x0D,

    /// <summary>From the server: asks for more credentials.</summary>
    AuthChallenge = 0x0E,

    /// <summary>From the client: credentials.</summary>
    AuthResponse = 0x0F,

    /// <summary>From the server: the credentials are good.</summary>
    AuthSuccess = 0x10,
}

/// <summary>Flags of a frame (native protocol, section 2.2).</summary>
[Flags]
public enum CqlFrameFlags : byte
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>The body is compressed (versions 3 and 4; without meaning in 5).</summary>
    Compressed = 0x01,

    /// <summary>Of a request: trace it; of an answer: its body begins with a tracing id.</summary>
    Tracing = 0x02,

    /// <summary>The body holds a custom payload.</summary>
    CustomPayload = 0x04,

    /// <summary>The body of an answer holds warnings.</summary>
    Warning = 0x08,

    /// <summary>The client accepts a version that is not final.</summary>
    UseBeta = 0x10,
}
