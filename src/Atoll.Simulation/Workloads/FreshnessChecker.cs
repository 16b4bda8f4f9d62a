using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// What reads below linearizable promise: a session sees its own writes, a bounded read sees everything older than the bound, and no answer
/// shows a version from after the state that it claims to show.
/// </summary>
internal sealed class FreshnessChecker
{
    private readonly Dictionary<(ulong Client, string Key), HybridTime> _ownWrites = [];
    private readonly Dictionary<string, List<(Instant At, HybridTime Version)>> _acknowledged = new(StringComparer.Ordinal);
    private readonly HashSet<string> _mayBeDeleted = new(StringComparer.Ordinal);

    public void Written(ulong client, string key, HybridTime version, Instant at)
    {
        _ownWrites[(client, key)] = version;
        if (!_acknowledged.TryGetValue(key, out var list))
        {
            _acknowledged[key] = list = [];
        }

        // Acknowledgements may come out of order: keep what is the newest so far.
        list.Add((at, list.Count > 0 && list[^1].Version > version ? list[^1].Version : version));
    }

    public void MayDelete(string key) => _mayBeDeleted.Add(key);

    public HybridTime SessionVersion(ulong client, string key) => _ownWrites.GetValueOrDefault((client, key));

    public void Check(ulong client, string key, ReadLevel level, in GetResult get, HybridTime minVersion, Instant freshAsOf)
    {
        if (get.Version > get.AsOf)
        {
            throw new SafetyViolationException($"{key} was read with version {get.Version} from a state of {get.AsOf}");
        }

        if (level == ReadLevel.Session)
        {
            Demand(get, minVersion, key, $"a session of client {client:x}");
        }
        else if (level == ReadLevel.Bounded)
        {
            Demand(get, AcknowledgedBefore(key, freshAsOf), key, "a bounded read");
        }
    }

    private void Demand(in GetResult get, HybridTime least, string key, string who)
    {
        var isMissing = get.Status == RecordsStatus.NotFound && least > HybridTime.Zero && !_mayBeDeleted.Contains(key);
        if (isMissing || get.AsOf < least || (get.Status == RecordsStatus.Ok && get.Version < least))
        {
            throw new SafetyViolationException(
                $"{who} read {key} as of {get.AsOf}, version {get.Version} ({get.Status}), but had to see version {least}");
        }
    }

    private HybridTime AcknowledgedBefore(string key, Instant instant)
    {
        var found = HybridTime.Zero;
        foreach (var (at, version) in _acknowledged.GetValueOrDefault(key) ?? [])
        {
            if (at >= instant)
            {
                break;
            }

            found = version;
        }

        return found;
    }
}
