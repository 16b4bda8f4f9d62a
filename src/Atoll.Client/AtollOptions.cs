using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Services.Calls;

namespace Atoll.Client;

/// <summary>
/// What <see cref="AtollServiceCollectionExtensions.AddAtoll"/> registers: a client of a remote cluster, or of a node in this process.
/// </summary>
public sealed class AtollOptions
{
    /// <summary>How to reach a remote cluster; not used when <see cref="Embedded"/> is set.</summary>
    public RemoteOptions Remote { get; set; } = new();

    /// <summary>A node to be hosted in this process; null: there is none, and <see cref="Remote"/> is used.</summary>
    public EmbeddedNodeOptions? Embedded { get; set; }

    /// <summary>When calls are tried again.</summary>
    public RetryPolicy Retries { get; set; } = new();
}
