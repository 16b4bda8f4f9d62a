using System.Globalization;
using System.Numerics;
using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.World;

/// <summary>
/// The record of a run: a running hash over every event (time, kind, node, argument, payload), equal in two runs exactly when they went
/// alike, and the last events themselves for people. It can also keep the hash after every event, or compare with the hashes
/// kept by an earlier run, to find the first event at which two runs of one seed part.
/// </summary>
public sealed class EventTrace
{
    private readonly Entry[] _ring;
    private readonly List<ulong>? _kept;
    private readonly IReadOnlyList<ulong>? _expected;

    /// <summary>An empty trace.</summary>
    /// <param name="recentEventsMax">Events kept for <see cref="Describe"/>; a power of two.</param>
    /// <param name="keepHashes">Whether the hash after every event is kept (8 bytes an event).</param>
    /// <param name="expected">Hashes kept by another run of the same seed, to compare with as this one goes.</param>
    public EventTrace(int recentEventsMax = 256, bool keepHashes = false, IReadOnlyList<ulong>? expected = null)
    {
        Check.That(BitOperations.IsPow2(recentEventsMax));
        _ring = new Entry[recentEventsMax];
        _kept = keepHashes ? [] : null;
        _expected = expected;
    }

    /// <summary>The hash over everything recorded so far.</summary>
    public ulong Hash { get; private set; } = 0x9E3779B97F4A7C15;

    /// <summary>Events recorded so far.</summary>
    public long Count { get; private set; }

    /// <summary>The hash after each event, where kept.</summary>
    public IReadOnlyList<ulong> Hashes => _kept is null ? [] : _kept;

    /// <summary>The number of the first event that differs from what was expected; null while all agree.</summary>
    public long? FirstDifference { get; private set; }

    /// <summary>Takes an event into the record.</summary>
    public void Record(Instant at, SimEventKind kind, uint node, long argument, ulong payloadHash)
    {
        var hash = Mix(Hash, (ulong)at.Nanoseconds);
        hash = Mix(hash, ((ulong)kind << 32) | node);
        hash = Mix(hash, (ulong)argument);
        Hash = Mix(hash, payloadHash);
        _ring[Count & (_ring.Length - 1)] = new Entry(at, kind, node, argument, payloadHash);
        _kept?.Add(Hash);
        if (_expected is not null && FirstDifference is null && (Count >= _expected.Count || _expected[(int)Count] != Hash))
        {
            FirstDifference = Count;
        }

        Count++;
    }

    /// <summary>The last events, one a line: number, time, kind, node, argument, payload hash.</summary>
    public string Describe(int eventsMax = int.MaxValue)
    {
        var text = new StringBuilder();
        for (var i = Count - Math.Min(Math.Min(Count, _ring.Length), eventsMax); i < Count; i++)
        {
            var entry = _ring[i & (_ring.Length - 1)];
            text.Append(
                CultureInfo.InvariantCulture,
                $"{i,10} {entry.At,16} {entry.Kind,-10} n{entry.Node} {entry.Argument} {entry.PayloadHash:x16}\n");
        }

        return text.ToString();
    }

    private static ulong Mix(ulong hash, ulong value) =>
        BitOperations.RotateLeft(hash ^ (value * 0xC2B2AE3D27D4EB4F), 31) * 0x9E3779B185EBCA87;

    private readonly record struct Entry(Instant At, SimEventKind Kind, uint Node, long Argument, ulong PayloadHash);
}
