using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Live.Networks;
using Atoll.Live.Nodes;
using Atoll.Node;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging;
using Atoll.Storage.Lsm;

namespace Atoll.Client.Hosting;

/// <summary>
/// Starts a node in this process: claims its folder, founds a cluster or joins one when the folder is new, and runs it until it is
/// disposed of.
/// </summary>
public sealed class EmbeddedNode : IAsyncDisposable
{
    private const string PendingIncarnationName = "incarnation.new";

    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RejoinTimeout = TimeSpan.FromSeconds(2);

    private EmbeddedNode(LiveNode node, NodeOptions options)
    {
        Live = node;
        Options = options;
    }

    /// <summary>The node: requests go in here.</summary>
    public LiveNode Live { get; }

    /// <summary>What it runs with.</summary>
    public NodeOptions Options { get; }

    /// <summary>Its number.</summary>
    public NodeId Id => Options.Self;

    /// <summary>Its cluster.</summary>
    public ulong ClusterId => Options.ClusterId;

    /// <summary>Starts a node.</summary>
    /// <exception cref="DataFolderException">The folder cannot be used.</exception>
    /// <exception cref="Services.Errors.AtollException">The cluster cannot be joined.</exception>
    /// <exception cref="ArgumentException">The options do not fit together.</exception>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<EmbeddedNode> StartAsync(
        EmbeddedNodeOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var folder = DataFolder.Open(options.DataFolder);
        NodeOptions node;
        try
        {
            node = await EnterAsync(folder, options, cancellation).ConfigureAwait(false);
        }
        catch
        {
            folder.Dispose();
            throw;
        }

        var live = LiveNode.Start(
            folder, new LiveNodeOptions { Node = node, PeerListen = options.PeerListen, PeerTls = options.PeerTls }, loggers);
        return new EmbeddedNode(live, node);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Live.DisposeAsync();

    private static async Task<NodeOptions> EnterAsync(DataFolder folder, EmbeddedNodeOptions options, CancellationToken cancellation)
    {
        if (folder.Identity is { } known)
        {
            // At home: the folder says who this is. Members are only needed when it crashed before it had seen the directory.
            var members = FoundersFile.Read(folder);
            var founds = !members.IsEmpty;
            if (!founds && options.Join is not null && !File.Exists(Path.Combine(folder.LoopFolder(0), "directory.view")))
            {
                members = (await ViewAsync(options.Join, RejoinTimeout, cancellation).ConfigureAwait(false)).Nodes;
            }

            return Make(options, known, founds, members);
        }

        var incarnation = Incarnation(folder);
        if (options.Join is not null)
        {
            return await JoinAsync(folder, options, incarnation, cancellation).ConfigureAwait(false);
        }

        if (!options.Bootstrap)
        {
            throw new ArgumentException(
                $"the data folder {folder.FolderPath} is new: say whether the node founds a cluster (bootstrap) or joins one (join)");
        }

        return Found(folder, options, incarnation);
    }

    private static NodeOptions Found(DataFolder folder, EmbeddedNodeOptions options, ulong incarnation)
    {
        var self = options.Founders.FirstOrDefault(founder => founder.PeerAddress == PeerAddress(options));
        if (options.Founders.Count > 0 && (self is null || options.ClusterId == 0))
        {
            throw new ArgumentException("several founders need the cluster's number, and this node among them by its peer address");
        }

        var id = self?.Id ?? new NodeId(1);
        var identity = new NodeIdentity(
            options.ClusterId != 0 ? options.ClusterId : RandomNumber(), id, options.Loops, self?.Description.Incarnation ?? incarnation);
        ImmutableArray<NodeInfo> members = options.Founders.Count > 0
            ? [.. options.Founders]
            : [new NodeInfo(id, Describe(options, options.Loops, incarnation))];
        FoundersFile.Write(folder, members);
        folder.Claim(identity);
        return Make(options, identity, founds: true, members);
    }

    private static async Task<NodeOptions> JoinAsync(
        DataFolder folder, EmbeddedNodeOptions options, ulong incarnation, CancellationToken cancellation)
    {
        var description = Describe(options, options.Loops, incarnation);
        await using var client = Client(options.Join!, JoinTimeout);
        await RequireWelcomeAsync(
            await client.Cluster.DirectoryAsync(cancellation).ConfigureAwait(false), options.PeerTls).ConfigureAwait(false);
        var id = await client.Cluster.RegisterNodeAsync(description, cancellation).ConfigureAwait(false);
        var view = await client.Cluster.DirectoryAsync(cancellation).ConfigureAwait(false);
        var identity = new NodeIdentity(view.ClusterId, id, options.Loops, incarnation);
        folder.Claim(identity);
        return Make(options, identity, founds: false, view.Nodes);
    }

    /// <summary>One member that lets this node in is enough: others may be down, or behind it in a renewal of authorities.</summary>
    private static async Task RequireWelcomeAsync(DirectoryView view, PeerTls? tls)
    {
        if (view.ClusterId == 0)
        {
            return; // not founded yet: whom to ask is not known, and to register will fail
        }

        var problems = new List<string>();
        foreach (var member in view.Nodes)
        {
            var problem = await Task.Run(() => PeerTrial.WhyNot(member.Description.PeerAddress, member.Id, view.ClusterId, tls))
                .ConfigureAwait(false);
            if (problem is null)
            {
                return;
            }

            problems.Add($"node {member.Id} at {member.Description.PeerAddress}: {problem}");
        }

        throw new UnavailableException($"no member of the cluster lets this node in, so it does not join: {string.Join("; ", problems)}");
    }

    private static NodeOptions Make(EmbeddedNodeOptions options, NodeIdentity identity, bool founds, ImmutableArray<NodeInfo> members) =>
        new()
    {
        ClusterId = identity.ClusterId,
        Self = identity.Node,
        Description = Describe(options, identity.LoopCount, identity.Incarnation),
        LoopCount = (byte)identity.LoopCount,
        Members = members,
        IsFounder = founds,
        LeaseReads = options.LeaseReads,
        KeyBytesMax = options.KeyBytesMax,
        Store = LsmOptions.ForMemory(options.StoreMemoryBytes / Math.Max(1, options.Loops)),
        VersionWindow = Duration.FromMilliseconds((long)options.VersionWindow.TotalMilliseconds),
        ScrubBytesPerSecondMin = options.ScrubBytesPerSecond,
        ValueBytesMax = options.ValueBytesMax,
    };

    private static NodeDescription Describe(EmbeddedNodeOptions options, int loops, ulong incarnation)
    {
        var name = options.Name.Length > 0 ? options.Name
            : options.ClientAddress.Length > 0 ? options.ClientAddress : PeerAddress(options);
        return new NodeDescription(
            name, PeerAddress(options), options.ClientAddress, options.HttpAddress, loops, options.Region, options.Zone, incarnation);
    }

    private static string PeerAddress(EmbeddedNodeOptions options) =>
        options.PeerAddress.Length > 0 ? options.PeerAddress : options.PeerListen;

    private static async Task<DirectoryView> ViewAsync(RemoteOptions remote, TimeSpan timeout, CancellationToken cancellation)
    {
        await using var client = Client(remote, timeout);
        return await client.Cluster.DirectoryAsync(cancellation).ConfigureAwait(false);
    }

    private static AtollClient Client(RemoteOptions remote, TimeSpan timeout)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(remote, clock);
        return new AtollClient(
            port, new CallerOptions { Clock = clock, Retries = new RetryPolicy { DefaultTimeout = timeout } }, port, port);
    }

    // Kept until the folder is claimed: a node that dies between its registration and that must come back as the same one.
    private static ulong Incarnation(DataFolder folder)
    {
        var path = Path.Combine(folder.FolderPath, PendingIncarnationName);
        if (File.Exists(path)
            && ulong.TryParse(File.ReadAllText(path).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var drawn)
            && drawn != 0)
        {
            return drawn;
        }

        drawn = RandomNumber();
        File.WriteAllText(path, drawn.ToString("x16", CultureInfo.InvariantCulture));
        return drawn;
    }

    private static ulong RandomNumber()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }
}
