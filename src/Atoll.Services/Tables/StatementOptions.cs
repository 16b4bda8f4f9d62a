using Atoll.Services.Tables.Roles;

namespace Atoll.Services.Tables;

/// <summary>What comes with a statement.</summary>
public sealed record StatementOptions
{
    /// <summary>No values, consistency ONE, no paging.</summary>
    public static readonly StatementOptions Default = new();

    /// <summary>How many replicas must take part.</summary>
    public CqlConsistency Consistency { get; init; } = CqlConsistency.One;

    /// <summary>For conditional writes: SERIAL or LOCAL_SERIAL; null: SERIAL.</summary>
    public CqlConsistency? SerialConsistency { get; init; }

    /// <summary>Values for the bind markers, in order.</summary>
    public IReadOnlyList<CqlValue> Values { get; init; } = [];

    /// <summary>Values by the names of bind markers; null when they are given in order.</summary>
    public IReadOnlyDictionary<string, CqlValue>? NamedValues { get; init; }

    /// <summary>At most so many rows in an answer; 0: all at once.</summary>
    public int PageSize { get; init; }

    /// <summary>Where an earlier answer stopped; empty: from the start.</summary>
    public ReadOnlyMemory<byte> PagingState { get; init; }

    /// <summary>
    /// The client's time for writes that don't name a timestamp, in microseconds; null: none. Not used: the order of a strong table's
    /// log decides, or the clock of an eventual write's coordinator, so that a client whose clock is fast never hides what others write
    /// after it.
    /// </summary>
    public long? DefaultTimestampMicros { get; init; }

    /// <summary>The keyspace of names without one, for this statement only; null: the session's.</summary>
    public string? Keyspace { get; init; }

    /// <summary>What is taken for now when it is judged what has expired, in seconds since 1970; null: now.</summary>
    public int? NowSeconds { get; init; }

    /// <summary>Whether to record what is done for the statement.</summary>
    public bool Tracing { get; init; }

    /// <summary>Who asks; null when nobody has to say who they are.</summary>
    public TableUser? User { get; init; }
}
