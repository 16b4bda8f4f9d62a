using System.Diagnostics;
using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.Disks;
using Atoll.Simulation.Networks;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

/// <summary>The simulated world alone, without Atoll in it: the same seed gives the same run, in one process and in another.</summary>
public sealed class WorldDeterminismTests
{
    private const string SeedVariable = "ATOLL_TEST_WORLD_SEED";

    [Fact]
    public void The_same_seed_gives_the_same_trace_and_another_seed_another()
    {
        Assert.Equal(RunWorld(11), RunWorld(11));
        Assert.NotEqual(RunWorld(11), RunWorld(12));
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace_in_another_process()
    {
        var expected = RunWorld(21).ToString("x16", CultureInfo.InvariantCulture);
        Assert.Contains($"world-hash={expected}", RunChild(21), StringComparison.Ordinal);
        Assert.Contains($"world-hash={expected}", RunChild(21), StringComparison.Ordinal);
    }

    // The child's side of the test above: prints the hash of the seed that the environment names.
    [Fact]
    public void Print_the_hash_when_run_as_a_child()
    {
        if (Environment.GetEnvironmentVariable(SeedVariable) is { } seed)
        {
            Console.WriteLine($"world-hash={RunWorld(ulong.Parse(seed, CultureInfo.InvariantCulture)):x16}");
        }
    }

    private static string RunChild(ulong seed)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WorldDeterminismTests).Assembly.Location);
        }

        start.ArgumentList.Add("--filter-method");
        start.ArgumentList.Add($"*{nameof(Print_the_hash_when_run_as_a_child)}");
        start.ArgumentList.Add("--show-live-output");
        start.ArgumentList.Add("on");
        start.ArgumentList.Add("--output");
        start.ArgumentList.Add("Detailed");
        start.Environment[SeedVariable] = seed.ToString(CultureInfo.InvariantCulture);
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return output;
    }

    private static ulong RunWorld(ulong seed)
    {
        var prng = new Prng(seed);
        var scheduler = new Scheduler();
        var network = new SimNetwork(scheduler, prng.Fork(), new NetworkFaults
        {
            LossPartsPerMillion = 20_000,
            DuplicatePartsPerMillion = 20_000,
            ReorderPartsPerMillion = 50_000,
            TailPartsPerMillion = 10_000,
            ResetPartsPerMillion = 1_000,
        });
        var nodes = new List<ChattyNode>();
        for (uint id = 1; id <= 4; id++)
        {
            var faults = new DiskFaults { SlowPartsPerMillion = 10_000, SyncFailsPartsPerMillion = 1_000 };
            var disk = new SimDisk(scheduler, prng.Fork(), faults);
            nodes.Add(new ChattyNode(scheduler, network, disk, prng.Fork(), new NodeId(id)));
        }

        for (var round = 0; round < 50; round++)
        {
            scheduler.RunFor(Duration.FromMilliseconds(200));
            var node = prng.Pick(nodes);
            if (prng.Chance(300_000))
            {
                node.CrashAndStart(prng.Chance(500_000));
            }
            else if (prng.Chance(300_000))
            {
                network.Cut(node.Id, prng.Pick(nodes).Id);
            }
            else
            {
                network.HealAll();
            }
        }

        Assert.True(scheduler.EventsRun > 20_000, $"only {scheduler.EventsRun} events");
        return scheduler.Trace.Hash ^ prng.NextUInt64();
    }

    /// <summary>Answers every message after writing it to its disk.</summary>
    private sealed class ChattyNode : INetworkEvents
    {
        private readonly Scheduler _scheduler;
        private readonly SimNetwork _network;
        private readonly SimDisk _disk;
        private readonly Prng _prng;
        private LoopIncarnation _loop = null!;
        private SimEndpoint _endpoint = null!;
        private IDiskFile? _file;

        public ChattyNode(Scheduler scheduler, SimNetwork network, SimDisk disk, Prng prng, NodeId id)
        {
            (_scheduler, _network, _disk, _prng, Id) = (scheduler, network, disk, prng, id);
            Start();
        }

        public NodeId Id { get; }

        public void CrashAndStart(bool powerLoss)
        {
            _disk.Crash(powerLoss);
            _network.Detach(Id, powerLoss);
            Start();
        }

        public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message)
        {
            var self = _loop;
            _file?.Write(
                _prng.NextInt(0, 20_000), message, _prng.Chance(500_000), result => Answer(self, from, lane, message, result.IsOk));
        }

        public void LinkUp(NodeId peer, Lane lane) =>
            _endpoint.Send(new LoopAddress(peer, 0), lane, BitConverter.GetBytes(_prng.NextUInt64()));

        public void LinkDown(NodeId peer, Lane lane) => _prng.NextUInt64();

        private void Answer(LoopIncarnation self, LoopAddress to, Lane lane, ReadOnlyMemory<byte> message, bool ok)
        {
            Assert.Same(self, _loop);
            Span<byte> answer = stackalloc byte[8];
            BitConverter.TryWriteBytes(answer, _prng.NextUInt64() ^ BitConverter.ToUInt64(message.Span) ^ (ok ? 1UL : 0));
            _endpoint.Send(to, lane, answer);
        }

        private void Start()
        {
            _loop = new LoopIncarnation(new LoopAddress(Id, 0));
            _endpoint = _network.Attach(_loop, $"10.0.0.{Id.Value}");
            _endpoint.Events = this;
            _file = null;
            var mount = _disk.Mount(_loop);
            mount.Create("notes", 65_536, (result, file) =>
            {
                _file = file;
                if (result.Status == DiskStatus.Exists)
                {
                    mount.Open("notes", (_, opened) => _file = opened);
                }
            });
            for (uint peer = 1; peer <= 4; peer++)
            {
                _endpoint.SetPeer(new NodeId(peer), $"10.0.0.{peer}");
            }
        }
    }
}
