namespace Atoll.StateMachines.Transactions;

/// <summary>Bounds of transactions, each with the reason for its number.</summary>
public static class TransactionLimits
{
    /// <summary>The name of the space that holds the transactions of a cluster.</summary>
    public const string SpaceName = "atoll.transactions";

    /// <summary>Length of a transactional id in UTF-8 bytes: as of groups' ids.</summary>
    public const int IdBytesMax = 512;

    /// <summary>The longest that a transaction may stay open, in milliseconds: 15 minutes, as with Kafka's brokers.</summary>
    public const int TimeoutMillisecondsMax = 15 * 60 * 1000;

    /// <summary>Partitions of one transaction: each costs two entries in its log.</summary>
    public const int PartitionsMax = 10_000;

    /// <summary>Groups of one transaction; clients have one.</summary>
    public const int GroupsMax = 1_000;

    /// <summary>Transactional ids of one shard: all are in memory.</summary>
    public const int ProducersPerShardMax = 100_000;

    /// <summary>How long an id is remembered that nobody uses, in milliseconds: seven days, as with Kafka's brokers.</summary>
    public const long RetentionMilliseconds = 7L * 24 * 60 * 60 * 1000;

    /// <summary>Ids of one command that ends what has lasted too long.</summary>
    public const int ProducersPerCommandMax = 1_000;

    /// <summary>An answer ends behind the producer that makes it longer than this many bytes.</summary>
    public const int PageBytes = 256 * 1024;

    /// <summary>The last epoch that a producer gets; the one behind it is for fencing it off.</summary>
    public const short EpochMax = short.MaxValue - 1;
}
