using System.Diagnostics.Metrics;
using System.Numerics;
using Atoll.Node.Requests;

namespace Atoll.Gateways.Metrics;

/// <summary>
/// Counts and latencies of the requests that came through the gateways: plain counters on the data path, read by whoever collects metrics.
/// </summary>
public sealed class RequestMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Atoll";

    private const int Kinds = 8;
    private const int Statuses = 64;
    private const int Buckets = 40;

    private readonly Meter _meter = new(MeterName);
    private readonly long[] _requests = new long[Kinds * Statuses];
    private readonly long[] _latencies = new long[Kinds * Buckets];
    private long _connections;
    private long _connectionsRefused;
    private long _inFlight;
    private long _badFrames;

    /// <summary>Metrics from zero.</summary>
    public RequestMetrics()
    {
        _meter.CreateObservableCounter("atoll.requests", Requests, "{request}", "Requests answered, by kind and status.");
        _meter.CreateObservableCounter("atoll.request.latency_buckets", Latencies, "{request}",
            "Requests answered, by kind and the upper bound of their latency in microseconds (powers of two).");
        _meter.CreateObservableGauge("atoll.requests.in_flight", () => Volatile.Read(ref _inFlight), "{request}", "Requests under way.");
        _meter.CreateObservableGauge("atoll.connections", () => Volatile.Read(ref _connections), "{connection}", "Native connections.");
        _meter.CreateObservableCounter("atoll.connections.refused", () => Volatile.Read(ref _connectionsRefused), "{connection}",
            "Native connections refused at the handshake.");
        _meter.CreateObservableCounter("atoll.frames.bad", () => Volatile.Read(ref _badFrames), "{frame}",
            "Frames that ended their connection: garbled, too large, too slow.");
    }

    /// <summary>A request has come in.</summary>
    public void Began() => Interlocked.Increment(ref _inFlight);

    /// <summary>A request was answered.</summary>
    public void Ended(RequestKind kind, ResponseStatus status, TimeSpan latency)
    {
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Increment(ref _requests[((int)kind % Kinds * Statuses) + ((int)status % Statuses)]);
        var bucket = Math.Min(Buckets - 1, BitOperations.Log2((ulong)Math.Max(1, latency.Ticks / TimeSpan.TicksPerMicrosecond)) + 1);
        Interlocked.Increment(ref _latencies[((int)kind % Kinds * Buckets) + bucket]);
    }

    /// <summary>A connection was accepted.</summary>
    public void Connected() => Interlocked.Increment(ref _connections);

    /// <summary>A connection ended.</summary>
    public void Disconnected() => Interlocked.Decrement(ref _connections);

    /// <summary>A connection was refused at its handshake.</summary>
    public void Refused() => Interlocked.Increment(ref _connectionsRefused);

    /// <summary>A frame ended its connection.</summary>
    public void BadFrame() => Interlocked.Increment(ref _badFrames);

    /// <inheritdoc />
    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Requests()
    {
        for (var i = 0; i < _requests.Length; i++)
        {
            if (Volatile.Read(ref _requests[i]) is var count and > 0)
            {
                yield return new Measurement<long>(
                    count, new("kind", ((RequestKind)(i / Statuses)).ToString()),
                        new("status", ((ResponseStatus)(i % Statuses)).ToString()));
            }
        }
    }

    private IEnumerable<Measurement<long>> Latencies()
    {
        for (var i = 0; i < _latencies.Length; i++)
        {
            if (Volatile.Read(ref _latencies[i]) is var count and > 0)
            {
                yield return new Measurement<long>(
                    count, new("kind", ((RequestKind)(i / Buckets)).ToString()), new("up_to_us", 1L << (i % Buckets)));
            }
        }
    }
}
