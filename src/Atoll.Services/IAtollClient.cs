using Atoll.Services.Cluster;
using Atoll.Services.Records;
using Atoll.Services.Spaces;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Subscriptions;

namespace Atoll.Services;

/// <summary>
/// A cluster, whether it is reached over the network or lives in this process. Thread-safe; one for a process is enough. Disposing
/// it ends its connections (but not nodes in this process).
/// </summary>
public interface IAtollClient : IAsyncDisposable
{
    /// <summary>Its spaces.</summary>
    ISpaces Spaces { get; }

    /// <summary>Its nodes and shards.</summary>
    ICluster Cluster { get; }

    /// <summary>Its topics.</summary>
    IStreams Streams { get; }

    /// <summary>Its groups of consumers.</summary>
    IGroups Groups { get; }

    /// <summary>The quotas of clients of its topics.</summary>
    IQuotas Quotas { get; }

    /// <summary>Its subscriptions, by which topics are pushed to URLs.</summary>
    ISubscriptions Subscriptions { get; }

    /// <summary>Its feeds, by which the changes of spaces become records of topics.</summary>
    IFeeds Feeds { get; }

    /// <summary>The records of a space; cheap, and the space need not exist yet.</summary>
    IRecords Records(string space);
}
