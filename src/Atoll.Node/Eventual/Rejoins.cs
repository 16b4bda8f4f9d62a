using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Replicas;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>
/// Replicas whose log or state is damaged: they are emptied, and get from all others what they had. Only while every other replica is there
/// and whole, and one at a time, because what is emptied may be one of few copies; it is said aloud for a while before it is done. Until
/// then the damaged replica stands still.
/// </summary>
internal sealed class Rejoins
{
    // Others say every second how they are: whoever says the same in this time is heard.
    private static readonly Duration AnnounceFor = Duration.FromSeconds(5);
    private static readonly Duration ReportAgeMax = Duration.FromSeconds(3);

    private static readonly Probe Begun = Probe.Define("eventual: a damaged replica begins anew");

    private readonly EventualEnvironment _environment;
    private readonly ReplicaHost _host;
    private readonly SortedDictionary<ShardId, Instant> _announced = [];
    private readonly Dictionary<(ShardId Shard, NodeId Node), (Instant At, bool IsRejoining)> _reports = [];

    public Rejoins(EventualEnvironment environment, ReplicaHost host)
    {
        _environment = environment;
        _host = host;
    }

    /// <summary>Whether this loop's replica is being emptied, or is about to be, or has not everything back yet.</summary>
    public bool IsRejoining(ShardId shard) => _announced.ContainsKey(shard) || _environment.IsRejoining(shard);

    /// <summary>Shards of which something must be said although no replica works here.</summary>
    public IEnumerable<ShardId> Announced => _announced.Keys;

    /// <summary>Another replica says how it is.</summary>
    public void Reported(ShardId shard, NodeId node, bool isRejoining, Instant now)
    {
        _reports[(shard, node)] = (now, isRejoining);
        if (isRejoining && node < _environment.Options.Self)
        {
            _announced.Remove(shard); // one after the other
        }
    }

    /// <summary>Takes the next step with each damaged replica.</summary>
    public void Maintain(Instant now)
    {
        foreach (var shard in _host.DamagedLeaderless)
        {
            if (!_environment.Directory.TryGetShard(shard, out var info) || !MayBegin(info!, now))
            {
                _announced.Remove(shard);
            }
            else if (!_announced.TryGetValue(shard, out var at))
            {
                _announced[shard] = now;
            }
            else if (now - at >= AnnounceFor && HaveAllSpokenSince(info!, at + (AnnounceFor / 2)))
            {
                Begin(shard);
            }
        }
    }

    private void Begin(ShardId shard)
    {
        if (!_environment.File.IsDurablyRejoining(shard))
        {
            _environment.File.SetRejoining(shard, true);
            return; // a start in between must not take an empty replica for a whole one
        }

        if (_host.TryRestartEmpty(shard))
        {
            Begun.Hit();
            _announced.Remove(shard);
        }
    }

    private bool MayBegin(ShardInfo shard, Instant now) =>
        shard.Keepers.Length > 1 && !IsSource(shard) && Others(shard).All(node =>
            node == _environment.Options.Self
            || (_environment.Liveness.IsAlive(node)
                && _reports.TryGetValue((shard.Id, node), out var report) && !report.IsRejoining && now - report.At < ReportAgeMax));

    // What a new replica has not received yet, an old one must not forget.
    private bool IsSource(ShardInfo shard) => shard.Move is { Phase: MovePhase.Filling }
        && shard.Replicas.Contains(_environment.Options.Self);

    private ImmutableArray<NodeId> Others(ShardInfo shard) => Memberships.Exchangers(_environment.Directory.View, shard);

    private bool HaveAllSpokenSince(ShardInfo shard, Instant since) =>
        Others(shard).All(node => node == _environment.Options.Self || _reports[(shard.Id, node)].At >= since);
}
