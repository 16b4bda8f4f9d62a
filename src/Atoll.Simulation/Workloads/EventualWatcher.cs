using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// A watcher of one shard of an eventual space: it must be told of what each record holds in the end, whatever replica told it, and as
/// often as they like.
/// </summary>
internal sealed class EventualWatcher(SimClient client, ShardId shard, string prefix)
{
    private readonly Dictionary<string, HybridTime> _told = new(StringComparer.Ordinal);
    private HybridTime _after = HybridTime.Max;
    private ReadOnlyMemory<byte> _cursor;
    private bool _isStopping;
    private bool _hasGap;

    /// <summary>Whether an answer is outstanding.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Whether everything that is written from now on will be told.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Asks for a place to begin, then follows.</summary>
    /// <param name="stands">Called when everything that is written from then on will be told.</param>
    public void Begin(Action stands) => Ask(Duration.Zero, result =>
    {
        if (result.Response.Status == ResponseStatus.Ok)
        {
            Take(result);
            HasBegun = true;
            stands();
            Follow();
        }
        else
        {
            Begin(stands);
        }
    });

    /// <summary>Something is written that it need not be told of.</summary>
    public void Misses() => _hasGap = true;

    /// <summary>Asks no more.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Asks until there is nothing new.</summary>
    public void CatchUp(Action<CallResult> done)
    {
        client.BePatient();
        Ask(Duration.Zero, result =>
        {
            if (result.Response.Status == ResponseStatus.Ok && Take(result))
            {
                CatchUp(done);
            }
            else
            {
                done(result);
            }
        });
    }

    /// <summary>In the end: a record that is there was told.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="version">Its version.</param>
    /// <param name="shards">All shards of the space.</param>
    public void Check(string key, HybridTime version, IReadOnlyList<ShardInfo> shards)
    {
        var isOurs = shards.Single(info => info.Id == shard).Holds(StableHash.Compute(Encoding.UTF8.GetBytes(key)));
        if (isOurs && !_hasGap && key.StartsWith(prefix, StringComparison.Ordinal)
            && _told.GetValueOrDefault(key) is var told && told < version)
        {
            throw new SafetyViolationException($"a watch of {prefix}* was told of {key} at {told}, but it was written at {version}");
        }
    }

    private void Follow()
    {
        if (!_isStopping)
        {
            Ask(Duration.FromSeconds(1), result =>
            {
                if (result.Response.Status == ResponseStatus.Ok)
                {
                    Take(result);
                }

                Follow();
            });
        }
    }

    private void Ask(Duration linger, Action<CallResult> done)
    {
        IsBusy = true;
        var writer = new WireWriter();
        RecordsQuery.WriteChanges(writer, new ChangesQuery(Encoding.UTF8.GetBytes(prefix), _after, 20, _cursor));
        client.Call(
            new Request { Kind = RequestKind.Read, Shard = shard, Linger = linger, Payload = writer.ToArray() },
            result =>
            {
                IsBusy = false;
                ProvingCalls.IsSuccess(result);
                done(result);
            });
    }

    // Whether there is more to be asked for.
    private bool Take(CallResult result)
    {
        if (!RecordsResultCodec.TryReadChanges(result.Response.Body, out var page))
        {
            throw new SafetyViolationException($"a watch has an answer that cannot be read ({page.Status}: {page.Detail})");
        }

        if (page.Status == RecordsStatus.Compacted)
        {
            _hasGap = true;
            _after = page.Through;
            _cursor = default;
            return true;
        }

        foreach (var change in page.Changes)
        {
            var key = Encoding.UTF8.GetString(change.Key.Span);
            _told[key] = change.Version > _told.GetValueOrDefault(key) ? change.Version : _told.GetValueOrDefault(key);
        }

        _after = page.Through > _after || _after == HybridTime.Max ? page.Through : _after;
        _cursor = page.Cursor.ToArray();
        return page.More || page.Changes.Count > 0;
    }
}
