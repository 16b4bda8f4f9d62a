namespace Atoll.StateMachines.Transactions;

/// <summary>What became of a command or query of transactions. The numbers are in answers.</summary>
public enum TransactionStatus : byte
{
    /// <summary>It was done, or had been done before.</summary>
    Ok = 0,

    /// <summary>The bytes are no command, or no query.</summary>
    Invalid = 1,

    /// <summary>The former transaction has not ended everywhere yet: to be tried again soon.</summary>
    Concurrent = 2,

    /// <summary>A newer producer has the transactional id.</summary>
    Fenced = 3,

    /// <summary>The transactional id is not known, or has another producer's number.</summary>
    UnknownProducer = 4,

    /// <summary>Not what a producer may do where its transaction is.</summary>
    InvalidState = 5,

    /// <summary>The time-out is not within the bounds.</summary>
    InvalidTimeout = 6,

    /// <summary>The shard has as many ids, or the transaction as many partitions or groups, as it may.</summary>
    TooMany = 7,
}

/// <summary>Where the transaction of a transactional id is. The numbers are in states and answers.</summary>
public enum TransactionState : byte
{
    /// <summary>None has begun since the producer came.</summary>
    Empty = 0,

    /// <summary>One is open.</summary>
    Ongoing = 1,

    /// <summary>It will have taken effect: that is decided, and not yet known everywhere.</summary>
    PrepareCommit = 2,

    /// <summary>It will never have been: that is decided, and not yet known everywhere.</summary>
    PrepareAbort = 3,

    /// <summary>The last one took effect.</summary>
    CompleteCommit = 4,

    /// <summary>The last one was aborted.</summary>
    CompleteAbort = 5,
}
