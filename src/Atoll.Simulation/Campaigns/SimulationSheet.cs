using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clusters;
using Atoll.Storage.Lsm;
using Atoll.Simulation.Workloads;

namespace Atoll.Simulation.Campaigns;

/// <summary>
/// Everything that a seed decides before its run begins: cluster, spaces, clients, faults, limits and time-outs (swarm testing, Groce et
/// al., 2012: many runs that each leave some things out find more than many that have everything).
/// </summary>
public sealed record SimulationSheet
{
    /// <summary>From this seed on, replicas of eventual shards move in many runs.</summary>
    public const ulong FirstSeedWithMoves = 10_000_000;

    /// <summary>From this seed on, there are groups of consumers in many runs of streams.</summary>
    public const ulong FirstSeedWithGroups = 1_000;

    /// <summary>From this seed on, there are transactions in many runs of streams.</summary>
    public const ulong FirstSeedWithTransactions = 20_000;

    /// <summary>From this seed on, partitions are compacted by key in many runs of streams.</summary>
    public const ulong FirstSeedWithCompaction = 30_000;

    private static readonly int[] ReplicaCounts = [1, 3, 5, 7];

    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The cluster.</summary>
    public required ClusterShape Cluster { get; init; }

    /// <summary>Replicas of the space.</summary>
    public required int Replicas { get; init; }

    /// <summary>Shards of the space.</summary>
    public required int Shards { get; init; }

    /// <summary>What clients do.</summary>
    public required WorkloadShape Workload { get; init; }

    /// <summary>What goes wrong.</summary>
    public required FaultShape Faults { get; init; }

    /// <summary>How long things go wrong; then everything must come back.</summary>
    public required Duration FaultyFor { get; init; }

    /// <summary>Nodes whose disks may destroy data: fewer than half of the replicas of anything.</summary>
    public required int ExpendableNodes { get; init; }

    /// <summary>Every so many entries the states of replicas are compared.</summary>
    public required int StateHashInterval { get; init; }

    /// <summary>A bug put in on purpose.</summary>
    public PlantedBug Bug { get; init; }

    /// <summary>The sheet of a seed.</summary>
    public static SimulationSheet Draw(ulong seed)
    {
        var prng = new Prng(seed ^ 0x5EED_5EED_5EED_5EED);
        var nodes = prng.Pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
        var directoryReplicas = prng.Pick(Odd(nodes));
        var replicas = prng.Pick([.. Odd(nodes), Odd(nodes)[^1]]);
        var election = prng.NextInt(250, 1_200);
        var leases = prng.Chance(300_000);
        var cluster = new ClusterShape
        {
            Nodes = nodes,
            LoopsPerNode = prng.Pick([1, 1, 1, 2, 3]),
            Founders = prng.Chance(250_000) ? 1 : directoryReplicas,
            DirectoryReplicas = directoryReplicas,
            ElectionTimeout = Duration.FromMilliseconds(election),
            HeartbeatInterval = Duration.FromMilliseconds(Math.Max(20, election / prng.NextInt(4, 10))),
            QuiesceAfter = Duration.FromMilliseconds(prng.Pick([election, 1_500, 3_000, 3_000, 3_600_000])),
            LeaseReads = leases,
            LeaseClockDriftBound = Duration.FromMilliseconds(election / 6),
            SnapshotAfterLogBytes = prng.Pick([4_000, 16_000, 64_000, 256_000, 64_000_000]),
            LogEntriesKept = (ulong)prng.Pick([0, 5, 50, 500]),
            SegmentBytes = prng.Pick([2, 2, 4, 8]) * 1024 * 1024,
            RequestsInFlightMax = prng.Pick([64, 4_096]),
            ProposalsPendingMax = prng.Pick([4, 1_024]),
            TickInterval = Duration.FromMilliseconds(prng.NextInt(5, 20)),
            BatchTimeMax = Duration.FromMicroseconds(prng.Pick([1, 50, 50, 500, 2_000])),
            Store = DrawStore(new Prng(seed ^ 0x53544F5245)),
        };
        return new SimulationSheet
        {
            Seed = seed,
            Cluster = cluster,
            Replicas = replicas,
            Shards = prng.Pick([1, 1, 2, 3, 5]),
            Workload = DrawWorkload(prng),
            Faults = DrawFaults(prng, leases),
            FaultyFor = Duration.FromSeconds(prng.NextInt(10, 40)),
            ExpendableNodes = prng.Chance(400_000) ? (Math.Min(directoryReplicas, replicas) - 1) / 2 : 0,
            StateHashInterval = prng.Pick([8, 32, 128]),
        };
    }

    /// <summary>The same sheet with clients of another kind, and the faults that only matter to those.</summary>
    public SimulationSheet Of(WorkloadKind kind)
    {
        var sheet = this with { Workload = Workload with { Kind = kind } };
        return kind is WorkloadKind.Streams ? sheet.WithGroups().WithTransactions().WithCompaction()
            : sheet.Workload.IsEventual ? Eventual(sheet, new Prng(Seed ^ 0x4556454E5455414C)) : sheet;
    }

    // Later than the first seeds that were pinned, and so only in seeds above them.
    private SimulationSheet WithGroups()
    {
        var prng = new Prng(Seed ^ 0x47524F555053);
        return Seed < FirstSeedWithGroups ? this : this with { Workload = Workload with { ConsumerGroups = prng.NextInt(0, 3) } };
    }

    // Likewise. Who writes in transactions does so in the place of others, so that a run takes as long as one without.
    private SimulationSheet WithTransactions()
    {
        var prng = new Prng(Seed ^ 0x5452414E53);
        var ids = Seed < FirstSeedWithTransactions ? 0 : prng.Pick([0, 1, 1, 2, 2, 3]);
        return ids == 0 ? this : this with
        {
            Workload = Workload with { TransactionalIds = ids, Clients = Math.Max(1, Workload.Clients - (2 * ids)) },
        };
    }

    // Likewise; in half of the runs.
    private SimulationSheet WithCompaction()
    {
        var prng = new Prng(Seed ^ 0x434F4D50414354);
        var partitions = Seed < FirstSeedWithCompaction ? 0 : prng.Pick([0, 0, 1, 2]);
        return partitions == 0 ? this : this with
        {
            Workload = Workload with { CompactedPartitions = partitions, Clients = Math.Max(1, Workload.Clients - (2 * partitions)) },
        };
    }

    /// <summary>The sheet for people: a line for each number.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Describe(text, "", this);
        return text.ToString();
    }

    private static int[] Odd(int nodes) => [.. ReplicaCounts.Where(count => count <= nodes)];

    // Any number of replicas; nodes that are away for nearly the whole run, and clocks that are hours apart.
    private static SimulationSheet Eventual(SimulationSheet sheet, Prng prng)
    {
        var nodes = sheet.Cluster.Nodes;
        var quorumOfDirectory = (sheet.Cluster.DirectoryReplicas / 2) + 1;
        var replicas = Math.Min(nodes, prng.Pick([1, 2, 3, 3, 3, 3, 4, 5]));
        var eventual = sheet with
        {
            Replicas = replicas,
            ExpendableNodes = Math.Min(sheet.ExpendableNodes, (replicas - 1) / 2),
            Faults = sheet.Faults with
            {
                ClocksApartMax = Duration.FromSeconds(prng.Pick([0, 0, 1, 60, 7_200, 7_200])),
                NodesAway = prng.Pick([0, 0, Math.Min(1, nodes - 1), Math.Max(0, nodes - quorumOfDirectory)]),
            },
        };
        return eventual.WithLeaderlessMoves();
    }

    // Later than the first seeds that were pinned, and so only in seeds above them; never where disks may destroy data, because a new
    // replica counts on every old one.
    private SimulationSheet WithLeaderlessMoves()
    {
        var prng = new Prng(Seed ^ 0x4D4F564553);
        return Seed < FirstSeedWithMoves || ExpendableNodes > 0 || prng.Chance(300_000) ? this : this with
        {
            Faults = Faults with
            {
                LeaderlessMoveEvery = Duration.FromMilliseconds(prng.NextInt(2_000, 15_000)), LeaderlessMoveSeed = prng.NextUInt64(),
            },
        };
    }

    // From a generator of its own, so that the rest of a seed's sheet is what it was before there were stores. Mostly so small that a few
    // hundred records make flushes, merges and reads from the disk.
    private static LsmOptions DrawStore(Prng prng)
    {
        var block = prng.Pick([128, 512, 4_096]);
        var file = prng.Pick([4_096, 16_384, 262_144]);
        return new LsmOptions
        {
            MemtableBytes = prng.Pick([1_024, 4_096, 16_384, 65_536, 32 * 1_024 * 1_024]),
            FrozenMemtablesMax = prng.NextInt(1, 4),
            CacheBytes = prng.Pick([0, 2_048, 32_768, 4 * 1_024 * 1_024]),
            BlockBytes = block,
            IndexBytes = prng.Pick([64, 256, 4_096]),
            FilterBitsPerKey = prng.Pick([0, 10]),
            FileBytes = file,
            LevelZeroFiles = prng.NextInt(1, 5),
            LevelZeroSlowFiles = prng.NextInt(6, 13),
            LevelOneBytes = prng.Pick([file, 4 * file, 64 * file]),
            TransferBytes = prng.Pick([4_096, 65_536]),
            PendingWriteBytesMax = prng.Pick([65_536, 1_048_576]),

            // Not below what the state's hash counts of a value.
            ApartBytes = prng.Pick([0, 5_000, 5_000, 16_384]),
        };
    }

    private static WorkloadShape DrawWorkload(Prng prng) => new()
    {
        Clients = prng.NextInt(2, 10),
        ThinkMax = Duration.FromMilliseconds(prng.Pick([5, 50, 50, 200, 1_000])),
        Keys = prng.Pick([2, 10, 40]),
        Groups = prng.NextInt(0, 3),
        GroupKeys = prng.NextInt(2, 4),
        ValueBytesMax = prng.Pick([8, 100, 1_000]),
        LargePartsPerMillion = prng.Pick([0, 5_000, 50_000]),
        LargeValueBytesMax = prng.Pick([20_000, 200_000]),
        CompareAndSets = prng.Pick([0, 10, 40]),
        Deletes = prng.Pick([0, 5, 20]),
        Scans = prng.Pick([0, 8, 20]),
        RelaxedReads = prng.Pick([0, 10]),
        ExpiringPuts = prng.Pick([0, 5]),
        Watchers = prng.NextInt(0, 2),
        AttemptTimeout = Duration.FromMilliseconds(prng.Pick([300, 1_000, 3_000])),
        Patience = Duration.FromSeconds(prng.Pick([2, 10, 20])),
    };

    private static FaultShape DrawFaults(Prng prng, bool leases)
    {
        return new FaultShape
        {
            CrashEvery = Sometimes(2, 3, 20),
            PowerLossPartsPerMillion = prng.Pick([0, 500_000, 1_000_000]),
            PowerLossEverywhereEvery = Sometimes(4, 8, 30),
            DownMax = Duration.FromSeconds(prng.Pick([1, 5, 15])),
            PauseEvery = Sometimes(3, 3, 20),
            PauseMax = Duration.FromMilliseconds(prng.Pick([300, 2_000, 6_000])),
            OneWayCutEvery = Sometimes(3, 2, 15),
            PartitionEvery = Sometimes(2, 3, 15),
            CutMax = Duration.FromSeconds(prng.Pick([1, 5, 12])),
            SlowLinkEvery = Sometimes(4, 3, 15),
            WallJumpEvery = Sometimes(3, 2, 15),
            WallJumpMax = Duration.FromSeconds(prng.Pick([1, 60, 7_200])),
            DriftEvery = Sometimes(3, 3, 20),

            // With leases clocks keep the bound that leases rely on; the museum has the scenario in which they don't.
            DriftPartsPerMillionMax = leases ? 50_000 : prng.Pick([500, 200_000]),
            DiskStallEvery = Sometimes(4, 4, 20),
            DiskStallMax = Duration.FromMilliseconds(prng.Pick([200, 2_000, 5_000])),
            DiskFullEvery = Sometimes(5, 5, 20),
            OperatorEvery = Sometimes(2, 2, 10),
            JoinEvery = Sometimes(4, 10, 20),
            LossPartsPerMillion = prng.Pick([0, 0, 1_000, 20_000, 100_000]),
            DuplicatePartsPerMillion = prng.Pick([0, 0, 1_000, 50_000]),
            ReorderPartsPerMillion = prng.Pick([0, 0, 10_000, 300_000]),
            TailPartsPerMillion = prng.Pick([0, 0, 1_000, 20_000]),
            TailLatencyMax = Duration.FromMilliseconds(prng.Pick([20, 300, 3_000])),
            ResetPartsPerMillion = prng.Pick([0, 0, 100, 2_000]),
            RefusePartsPerMillion = prng.Pick([0, 0, 1_000]),
            SlowDiskPartsPerMillion = prng.Pick([0, 0, 1_000, 50_000]),
            RotEvery = Sometimes(2, 3, 15),
            ReadFailsPartsPerMillion = prng.Pick([0, 0, 2_000]),
            WriteFailsPartsPerMillion = prng.Pick([0, 0, 200]),
            SyncFailsPartsPerMillion = prng.Pick([0, 0, 200]),
            FlipOnReadPartsPerMillion = prng.Pick([0, 0, 2_000]),
            MisdirectPartsPerMillion = prng.Pick([0, 0, 2_000]),
        };

        Duration Sometimes(int oneOutOf, int lowSeconds, int highSeconds)
        {
            var mean = Duration.FromMilliseconds(prng.NextInt(lowSeconds * 1_000, highSeconds * 1_000));
            return prng.NextInt(1, oneOutOf) == 1 ? mean : Duration.Zero;
        }
    }

    private static void Describe(StringBuilder text, string prefix, object part)
    {
        foreach (var property in part.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var value = property.GetValue(part);
            if (value is ClusterShape or WorkloadShape or FaultShape)
            {
                Describe(text, property.Name + ".", value);
            }
            else if (value is not IEnumerable or string)
            {
                text.Append(CultureInfo.InvariantCulture, $"  {prefix}{property.Name} = {value}\n");
            }
        }
    }
}
