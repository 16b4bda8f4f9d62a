using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace Atoll.Interop.Tests.Processes;

/// <summary>Processes of <c>atoll node</c>, each on a loopback address of its own, and the command line towards them.</summary>
internal sealed class ProcessCluster : IDisposable
{
    private readonly string _net = string.Create(
        CultureInfo.InvariantCulture, $"127.{RandomNumberGenerator.GetInt32(30, 250)}.{RandomNumberGenerator.GetInt32(250)}");

    private readonly Dictionary<int, AtollProcess> _nodes = [];
    private readonly Dictionary<int, Func<AtollProcess>> _starts = [];

    /// <summary>Where data and other files are; removed at the end.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("atoll-interop-").FullName;

    /// <summary>The address of a node, without a port.</summary>
    public string Host(int node) => string.Create(CultureInfo.InvariantCulture, $"{_net}.{node}");

    /// <summary>Where clients of the native protocol reach a node.</summary>
    public string Client(int node) => $"{Host(node)}:4600";

    /// <summary>The process of a node that was started.</summary>
    public AtollProcess Node(int node) => _nodes[node];

    /// <summary>Starts a node: the first founds the cluster, the others join through it.</summary>
    public AtollProcess Start(int node, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> options)
    {
        string[] entry = node == 1 ? ["--bootstrap"] : ["--join", Client(1)];
        string[] arguments = ["node", "--data", Path.Combine(Folder, $"node{node}"), "--listen", Host(node), .. entry, .. options];
        _starts[node] = () => AtollProcess.Start(environment, arguments);
        return StartAgain(node);
    }

    /// <summary>Starts a node that has ended, as it was started before.</summary>
    public AtollProcess StartAgain(int node) => _nodes[node] = _starts[node]();

    /// <summary>Starts three nodes, one after the other.</summary>
    public async Task StartThreeAsync(Func<int, (IReadOnlyDictionary<string, string> Environment, string[] Options)> how)
    {
        for (var node = 1; node <= 3; node++)
        {
            var (environment, options) = how(node);
            await Start(node, environment, options).SaysAsync("serves at");
        }
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int Code, string Output)> RunAsync(params IEnumerable<string> arguments)
    {
        using var process = AtollProcess.Start(new Dictionary<string, string>(), arguments);
        var code = await process.EndsAsync();
        return (code, process.Output);
    }

    /// <summary>Runs a command until it succeeds; fails with what it says when it does not in time.</summary>
    public static async Task<string> SucceedsAsync(params IReadOnlyList<string> arguments)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (true)
        {
            var (code, output) = await RunAsync(arguments);
            if (code == 0)
            {
                return output;
            }

            if (Stopwatch.GetElapsedTime(startedAt) > AtollProcess.Deadline)
            {
                throw new TimeoutException($"atoll {string.Join(' ', arguments)} ends with {code}: {output}");
            }
        }
    }

    /// <summary>What every node has said; for messages of failed tests.</summary>
    public string Logs() => string.Join('\n', _nodes.Select(node => $"--- node {node.Key}\n{node.Value.Output}"));

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var node in _nodes.Values)
        {
            node.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
    }
}
