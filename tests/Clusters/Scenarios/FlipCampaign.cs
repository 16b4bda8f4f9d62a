using System.Globalization;
using System.Text;
using Atoll.Clusters.Tests.Museum;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Records;
using Atoll.Storage.Lsm;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>
/// A cluster of three that works while one bit after the other flips in the files of one of its nodes, while it runs and while it is down.
/// After each flip the node must be whole again within a bounded time: nothing damaged that it knows of, nothing being rebuilt, and the
/// same states as the others have. Values of every read must be what was written; at the end all is read with the node's vote and data
/// being needed for a majority.
/// </summary>
internal sealed class FlipCampaign
{
    private const int Keys = 60;
    private const int WholeWithinSeconds = 30;
    private const int AskEveryMilliseconds = 50;
    private const int LineStart = 25; // behind time and node

    private readonly Scene _scene;
    private readonly Prng _prng;
    private readonly SimNode _victim;
    private readonly int _number;
    private readonly Witness _client;
    private readonly SimClient _neighbour;
    private readonly Dictionary<string, HashSet<long>> _written = new(StringComparer.Ordinal);
    private readonly List<string> _lines = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly ulong _seed;
    private long _nextValue;

    /// <summary>A cluster whose victim is the usual leader, or, with an even seed, a follower.</summary>
    public FlipCampaign(ulong seed, Sabotage planted = Sabotage.None)
    {
        _seed = seed;
        _prng = new Prng(seed);
        _scene = new Scene(seed, planted, new ClusterShape
        {
            LogEntriesKept = 30,
            ScrubBytesPerSecondMin = 8 * 1024 * 1024,
            TickInterval = Duration.FromMilliseconds(20),
            Store = new LsmOptions
            {
                MemtableBytes = 4096,
                CacheBytes = 0,
                ValueCacheBytes = 0,
                BlockBytes = 512,
                IndexBytes = 256,
                ApartBytes = 4_200, // what is shorter than 4 KiB the state machine wants with its key
                ValueFileBytes = 16 * 1024,
                FileBytes = 8 * 1024,
                LevelOneBytes = 32 * 1024,
            },
        });
        _number = seed % 2 == 1 ? _scene.Leader : _scene.Others(_scene.Leader)[0];
        _victim = _scene.Cluster.Node(_number);
        _victim.IsExpendable = true;
        _client = _scene.NewClient();
        _neighbour = _scene.Cluster.NewClient();
        _neighbour.Home = _victim;
        _neighbour.Patience = Duration.FromSeconds(1);
        _scene.Cluster.Log.LineAdded = _lines.Add;
        for (var i = 0; i < Keys; i++)
        {
            Put(i);
        }

        _scene.Run(500);
    }

    /// <summary>What became of the flips.</summary>
    public FlipTally Tally { get; } = new();

    /// <summary>The longest virtual time that the node took to be whole again after a flip, or after the start that followed it.</summary>
    public Duration LongestRepair { get; private set; }

    /// <summary>Flips so many bits, one at a time, then proves that the node has everything.</summary>
    public void Run(int flips)
    {
        for (var flip = 0; flip < flips; flip++)
        {
            var isLive = _prng.Chance(500_000);
            var what = ((flip + (int)_seed) % 8) switch
            {
                0 or 1 or 2 => FlippedFile.Segment,
                3 or 4 => FlippedFile.SortedFile,
                5 => FlippedFile.ValueFile,
                6 => FlippedFile.Manifest,
                _ => _seed % 2 == 1 ? FlippedFile.Snapshot : FlippedFile.ValueFile, // only who leads has snapshots to send
            };
            try
            {
                Flip(what, isLive);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException(
                    $"seed {_seed}, flip {flip} ({what}, {(isLive ? "live" : "at rest")}): {error.Message}\n"
                    + string.Join('\n', _lines.TakeLast(60)), error);
            }
        }

        ProveThatItHasEverything();
    }

    private void Flip(FlippedFile what, bool isLive)
    {
        _lines.Clear();
        for (var i = _prng.NextInt(2, 6); i > 0; i--)
        {
            Put(_prng.NextInt(0, Keys - 1));
        }

        var snapshotFollower = what == FlippedFile.Snapshot ? BeginSnapshot() : 0;
        if (!isLive)
        {
            End();
        }

        if (PlaceIn(what) is not { } place)
        {
            if (!isLive)
            {
                _victim.Start();
            }

            EndSnapshot(snapshotFollower);
            AwaitWhole();
            return;
        }

        _lines.Clear();
        var scrubbed = isLive ? _victim.Loop()!.DescribeStore().Scrub : default;
        _victim.Disk().Rot(place.Name, place.Offset);
        _scene.Cluster.Say(_victim.Id, $"rots: {place.Name} at {place.Offset}");
        var verdict = FlipVerdict.Harmless;
        if (isLive)
        {
            Work();
            EndSnapshot(snapshotFollower);
            Work();

            // Everything was read once from the beginning, after the flip.
            Await(() => _victim.Loop()!.DescribeStore().Scrub.Passes >= scrubbed.Passes + 2, "the scrub has been everywhere");
            verdict = !IsNoticed ? verdict
                : _victim.Loop()!.DescribeStore().Scrub.Damaged > scrubbed.Damaged ? FlipVerdict.FoundByScrub
                : FlipVerdict.FoundOnRead;
            AwaitWhole();
            End(); // nothing of this flip is left to the next one
        }
        else if (snapshotFollower == 0) // else there is no majority
        {
            Work();
        }

        _victim.Start();
        _scene.Await(() => _victim.IsReady || _victim.FaultReason is not null, "it has started");
        Check.That(_victim.FaultReason is null);
        if (verdict == FlipVerdict.Harmless && IsNoticed)
        {
            verdict = FlipVerdict.FoundAtOpening;
        }

        EndSnapshot(isLive ? 0 : snapshotFollower);
        Work();
        Await(() => _victim.Loop()!.DescribeStore().Scrub.Passes >= 1, "the scrub has been everywhere");
        if (verdict == FlipVerdict.Harmless && IsNoticed)
        {
            verdict = _victim.Loop()!.DescribeStore().Scrub.Damaged > 0 ? FlipVerdict.FoundByScrub : FlipVerdict.FoundOnRead;
        }

        AwaitWhole();
        _known.UnionWith(_lines.Where(IsAboutDamage).Select(line => line[LineStart..]));
        Tally.Add(what, isLive, verdict, _lines.Exists(line => line.Contains("repairing this replica", StringComparison.Ordinal)));
    }

    // Whether the node has said anything about damage since the flip. Old damage that concerns nobody is told again at every start, until
    // its segment goes.
    private bool IsNoticed => _lines.Exists(line => IsAboutDamage(line) && !_known.Contains(line[LineStart..]));

    private static bool IsAboutDamage(string line) =>
        line.Contains("damaged", StringComparison.Ordinal) || line.Contains("a snapshot came to nothing", StringComparison.Ordinal)
        || line.Contains("missing a snapshot", StringComparison.Ordinal);

    private void End()
    {
        if (_prng.Chance(500_000))
        {
            _victim.Stop();
        }
        else
        {
            _victim.LosePower();
        }
    }

    private void Work()
    {
        for (var i = 0; i < 3; i++)
        {
            Put(_prng.NextInt(0, Keys - 1));
            Check.That(_client.Get(Key(_prng.NextInt(0, Keys - 1))) is not null);
            ReadFromVictim(_prng.NextInt(0, Keys - 1));
        }
    }

    private void Put(int key)
    {
        var value = ++_nextValue;
        if (!_written.TryGetValue(Key(key), out var values))
        {
            _written[Key(key)] = values = [];
        }

        values.Add(value);
        _client.Digits = key % 6 == 0 ? 4_300 : 40;
        Check.That(_client.Put(Key(key), value) == OperationOutcome.Ok);
    }

    // Whatever it answers at all, however old, must have been written.
    private void ReadFromVictim(int key)
    {
        if (!_victim.IsReady)
        {
            return;
        }

        var result = _neighbour.CallAndWait(RecordsRequests.Get(_scene.Space, Key(key), ReadLevel.Any));
        if (result.Response.Status == ResponseStatus.Ok && RecordsResultCodec.TryReadGet(result.Response.Body, out var get)
            && get.Status == RecordsStatus.Ok)
        {
            var text = Encoding.UTF8.GetString(get.Value.Span);
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || !_written[Key(key)].Contains(value))
            {
                throw new SafetyViolationException($"{Key(key)} was read as {text}, which nobody wrote");
            }
        }
    }

    private static string Key(int number) => string.Create(CultureInfo.InvariantCulture, $"key-{number:d4}");

    // A follower that is so far behind that it needs a snapshot, and does not get it whole yet.
    private int BeginSnapshot()
    {
        if (!_scene.Cluster.RunUntil(() => _scene.Leader == _number, Duration.FromSeconds(10)))
        {
            return 0;
        }

        var follower = _scene.Others(_number)[0];
        _scene.Cluster.Node(follower).Stop();
        for (var i = 0; i < 80; i++)
        {
            Put(_prng.NextInt(0, Keys - 1));
        }

        _scene.Filter.Loses = (_, to, message) => (int)to == follower && message.Kind == RaftMessageKind.SnapshotChunk;
        _scene.Cluster.Node(follower).Start();
        _scene.Cluster.RunUntil(() => FilesOf(FlippedFile.Snapshot).Count > 0, Duration.FromSeconds(5));
        _scene.Run(100); // its name is durable, too
        return follower;
    }

    private void EndSnapshot(int follower)
    {
        if (follower != 0)
        {
            _scene.Filter.Loses = null;
        }
    }

    private List<string> FilesOf(FlippedFile what) => [.. _victim.Disk().FileNames.Where(name => what switch
    {
        FlippedFile.Segment => name.StartsWith("journal/", StringComparison.Ordinal),
        FlippedFile.SortedFile => name.EndsWith(".sst", StringComparison.Ordinal),
        FlippedFile.ValueFile => name.EndsWith(".val", StringComparison.Ordinal),
        FlippedFile.Manifest => name.EndsWith("/MANIFEST", StringComparison.Ordinal),
        _ => name.EndsWith(".snap", StringComparison.Ordinal),
    })];

    // Any place up to the last byte that is not zero, and mostly one that is not zero itself.
    private (string Name, long Offset)? PlaceIn(FlippedFile what)
    {
        var files = FilesOf(what).Select(name => (Name: name, Content: _victim.Disk().Content(name)!))
            .Select(file => (file.Name, file.Content, Used: file.Content.AsSpan().LastIndexOfAnyExcept((byte)0) + 1))
            .Where(file => file.Used > 0).ToList();
        if (files.Count == 0)
        {
            return null;
        }

        var usedBytes = files.Sum(file => (long)file.Used);
        var place = (Name: "", Offset: 0L);
        var zerosToo = _prng.Chance(100_000);
        for (var i = 0; i < 1_000; i++)
        {
            var at = (long)_prng.NextBelow((ulong)usedBytes);
            var index = 0;
            for (; at >= files[index].Used; index++)
            {
                at -= files[index].Used;
            }

            place = (files[index].Name, at);
            if (zerosToo || files[index].Content[at] != 0)
            {
                break;
            }
        }

        return place;
    }

    private void AwaitWhole()
    {
        var since = _scene.Cluster.Scheduler.Now;
        Await(
            () => IsWhole(_scene.Shard) && IsWhole(ShardId.Directory) && _victim.Loop()!.DescribeStore().Damages.IsEmpty,
            "the node is whole again");
        var took = _scene.Cluster.Scheduler.Now - since;
        LongestRepair = took > LongestRepair ? took : LongestRepair;
        foreach (var shard in new[] { _scene.Shard, ShardId.Directory })
        {
            var hashes = _scene.Cluster.Nodes.Select(node => ReplicaOf(node, shard))
                .Where(replica => replica?.State.AppliedIndex == ReplicaOf(_victim, shard)!.State.AppliedIndex)
                .Select(replica => replica!.State.StateHash()).Distinct();
            if (hashes.Count() != 1)
            {
                throw new SafetyViolationException($"shard {shard}: different states with the same applied index");
            }
        }
    }

    // What is awaited is costly to find out: not before each event.
    private void Await(Func<bool> condition, string what)
    {
        for (var waited = 0; !condition(); waited += AskEveryMilliseconds)
        {
            if (waited > WholeWithinSeconds * 1_000)
            {
                throw new StalledException($"not within {WholeWithinSeconds} s: {what}");
            }

            _scene.Run(AskEveryMilliseconds);
        }
    }

    private bool IsWhole(ShardId shard)
    {
        if (!_scene.Cluster.Nodes.All(node => node.IsReady)
            || ReplicaOf(_victim, shard) is not { FaultReason: null, Raft.IsRebuilding: false } replica)
        {
            return false;
        }

        return _scene.Cluster.Nodes.All(node => ReplicaOf(node, shard) is { FaultReason: null, Raft.IsRebuilding: false } other
            && other.State.AppliedIndex == replica.State.AppliedIndex)
            && _scene.Cluster.Nodes.Any(node => ReplicaOf(node, shard)!.Raft is { Role: Role.Leader, HasCommittedInTerm: true });
    }

    private static ShardReplica? ReplicaOf(SimNode node, ShardId shard) =>
        node.Loop()?.Replicas.TryGetValue(shard, out var replica) == true ? replica : null;

    private void ProveThatItHasEverything()
    {
        _scene.Cluster.Node(_scene.Others(_number)[1]).Stop();
        _scene.MustTakeWrites();
        for (var i = 0; i < Keys; i++)
        {
            Check.That(_client.Get(Key(i)) is not null);
        }

        _scene.CheckHistory();
    }
}
