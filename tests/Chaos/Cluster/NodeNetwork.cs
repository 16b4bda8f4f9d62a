using System.Globalization;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>
/// Where nodes live: each in a network namespace of its own behind a bridge, so that links can be cut, or all on this machine's loopback.
/// </summary>
internal sealed class NodeNetwork : IDisposable
{
    // Frames to this address reach nobody: the sender hears nothing, as when a cable is cut.
    private const string NobodysMac = "02:00:00:00:00:01";

    private readonly string _prefix;
    private readonly int _subnet;
    private readonly int _nodes;
    private readonly bool _isNamespaced;

    private NodeNetwork(int subnet, int nodes, bool isNamespaced)
    {
        _subnet = subnet;
        _nodes = nodes;
        _isNamespaced = isNamespaced;
        _prefix = Name(Environment.ProcessId, subnet);
    }

    /// <summary>What this machine lacks for cutting links; null when nothing.</summary>
    public static string? MissingForCuts { get; } =
        !OperatingSystem.IsLinux() ? "links are cut in network namespaces, which only Linux has"
        : Environment.UserName != "root" ? "links are cut in network namespaces, which only root may make: run the tests as root"
        : !ShellCommand.TryRun("ip", "-Version") ? "links are cut with the program ip: install the package iproute2"
        : !MayMakeNamespaces() ? "root may not make network namespaces here (a container without CAP_NET_ADMIN or CAP_SYS_ADMIN?)"
        : null;

    /// <summary>Whether links can be cut.</summary>
    public bool CanCut => _isNamespaced;

    /// <summary>A network for nodes 0 to <paramref name="nodes"/> - 1: with namespaces where the machine has them.</summary>
    public static NodeNetwork Make(int nodes)
    {
        if (MissingForCuts is not null)
        {
            return new NodeNetwork(Environment.ProcessId % 200, nodes, isNamespaced: false);
        }

        SweepWhatKilledRunsLeft();
        for (var subnet = 0; subnet < 256; subnet++)
        {
            // The bridge's name is the claim on the subnet: the kernel gives it to one run only.
            if (!ShellCommand.TryRun("ip", "link", "add", Bridge(subnet), "type", "bridge"))
            {
                continue;
            }

            var network = new NodeNetwork(subnet, nodes, isNamespaced: true);
            try
            {
                network.Build();
                return network;
            }
            catch
            {
                network.Dispose();
                throw;
            }
        }

        throw new InvalidOperationException("all subnets 10.99.0.0/24 to 10.99.255.0/24 are taken by bridges named atoll-*");
    }

    /// <summary>The node's address.</summary>
    public string Address(int node) => _isNamespaced ? $"10.99.{_subnet}.{node + 1}" : $"127.20.{_subnet}.{node + 1}";

    /// <summary>The command that runs a program where the node lives.</summary>
    public IReadOnlyList<string> Enter(int node, IReadOnlyList<string> command) =>
        _isNamespaced ? ["ip", "netns", "exec", Namespace(node), .. command] : command;

    /// <summary>Nothing that one node sends reaches the other any more; the other way stays open.</summary>
    public void CutOneWay(int from, int to) => ShellCommand.Run(
        "ip", "-n", Namespace(from), "neigh", "replace", Address(to), "lladdr", NobodysMac, "dev", "eth0", "nud", "permanent");

    /// <summary>Opens one direction of a link again; harmless when it is open.</summary>
    public void MendOneWay(int from, int to) =>
        ShellCommand.TryRun("ip", "-n", Namespace(from), "neigh", "del", Address(to), "dev", "eth0");

    /// <summary>Opens all links again.</summary>
    public void MendAll()
    {
        for (var from = 0; from < _nodes; from++)
        {
            for (var to = 0; to < _nodes; to++)
            {
                if (from != to)
                {
                    MendOneWay(from, to);
                }
            }
        }
    }

    /// <summary>The node hears nobody and nobody hears it, clients included.</summary>
    public void CutOff(int node) => ShellCommand.Run("ip", "link", "set", Port(node), "down");

    /// <summary>The node is back.</summary>
    public void Rejoin(int node) => ShellCommand.Run("ip", "link", "set", Port(node), "up");

    /// <inheritdoc />
    public void Dispose()
    {
        if (_isNamespaced)
        {
            for (var node = 0; node < _nodes; node++)
            {
                ShellCommand.TryRun("ip", "link", "del", Port(node)); // by itself it would go with the namespace, but only later
                ShellCommand.TryRun("ip", "netns", "del", Namespace(node));
            }

            ShellCommand.TryRun("ip", "link", "del", Bridge(_subnet));
        }
    }

    private static string Bridge(int subnet) => $"atoll-{subnet}";

    private static string Name(int process, int subnet) =>
        string.Create(CultureInfo.InvariantCulture, $"atoll-chaos-{process}-{subnet}-");

    private static bool MayMakeNamespaces()
    {
        var name = $"atoll-probe-{Environment.ProcessId}";
        var made = ShellCommand.TryRun("ip", "netns", "add", name);
        return ShellCommand.TryRun("ip", "netns", "del", name) && made;
    }

    // A run that was itself killed could not clean up: its namespaces still hold its nodes.
    private static void SweepWhatKilledRunsLeft()
    {
        var left = ShellCommand.Run("ip", "netns", "list").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')[0]).Where(name => name.StartsWith("atoll-chaos-", StringComparison.Ordinal));
        foreach (var name in left)
        {
            var parts = name.Split('-');
            if (Directory.Exists($"/proc/{parts[2]}"))
            {
                continue;
            }

            foreach (var process in ShellCommand.Run("ip", "netns", "pids", name).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                ShellCommand.TryRun("kill", "-KILL", process);
            }

            // By name: what goes with its namespace goes some time later, and its name may be wanted before.
            var bridge = Bridge(int.Parse(parts[3], CultureInfo.InvariantCulture));
            ShellCommand.TryRun("ip", "link", "del", $"{bridge}-{parts[4]}");
            ShellCommand.TryRun("ip", "netns", "del", name);
            ShellCommand.TryRun("ip", "link", "del", bridge);
        }
    }

    private string Port(int node) => $"{Bridge(_subnet)}-{node + 1}";

    private string Namespace(int node) => $"{_prefix}{node + 1}";

    private void Build()
    {
        ShellCommand.Run("ip", "addr", "add", $"10.99.{_subnet}.254/24", "dev", Bridge(_subnet));
        ShellCommand.Run("ip", "link", "set", Bridge(_subnet), "up");
        for (var node = 0; node < _nodes; node++)
        {
            var (name, port) = (Namespace(node), Port(node));
            ShellCommand.Run("ip", "netns", "add", name);
            ShellCommand.Run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name);
            ShellCommand.Run("ip", "link", "set", port, "master", Bridge(_subnet), "up");
            ShellCommand.Run("ip", "-n", name, "addr", "add", $"{Address(node)}/24", "dev", "eth0");
            ShellCommand.Run("ip", "-n", name, "link", "set", "eth0", "up");
            ShellCommand.Run("ip", "-n", name, "link", "set", "lo", "up");
        }
    }
}
