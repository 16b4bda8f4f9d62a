using System.Net;
using System.Security.Cryptography;
using Atoll.Foundation.Checks;

namespace Atoll.Gateways.Cql.Statements;

/// <summary>What is told about a statement that was traced.</summary>
/// <param name="Id">A UUID of version 1, by which the client asks for it.</param>
/// <param name="Client">Who sent it.</param>
/// <param name="Coordinator">Who served it.</param>
/// <param name="StartedAt">When it came.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Request">What was asked for, in few words.</param>
/// <param name="Parameters">With what.</param>
/// <param name="Outcome">How it ended.</param>
public sealed record StatementTrace(
    Guid Id, IPAddress Client, IPEndPoint Coordinator, DateTimeOffset StartedAt, TimeSpan Duration, string Request,
    IReadOnlyDictionary<string, string> Parameters, string Outcome);

/// <summary>The last traces of this node. Thread-safe.</summary>
public sealed class StatementTraces
{
    private const long TicksFrom1582 = 0x01B21DD213814000; // 100 ns from the Gregorian reform to 1970 (RFC 4122, section 4.1.4)

    private readonly Lock _lock = new();
    private readonly Queue<StatementTrace> _traces = new();
    private readonly int _countMax;
    private long _lastTicks;

    /// <summary>No traces yet.</summary>
    /// <param name="countMax">How many are kept; the oldest goes.</param>
    public StatementTraces(int countMax = 1_000)
    {
        Check.That(countMax > 0);
        _countMax = countMax;
    }

    /// <summary>All that are kept.</summary>
    public IReadOnlyList<StatementTrace> All()
    {
        lock (_lock)
        {
            return [.. _traces];
        }
    }

    /// <summary>Keeps a trace.</summary>
    public void Keep(StatementTrace trace)
    {
        lock (_lock)
        {
            if (_traces.Count == _countMax)
            {
                _traces.Dequeue();
            }

            _traces.Enqueue(trace);
        }
    }

    /// <summary>A new id: a UUID of version 1 of that moment (RFC 4122, section 4.2), with a node that is drawn at random.</summary>
    public Guid NewId(DateTimeOffset now)
    {
        long ticks;
        lock (_lock)
        {
            ticks = _lastTicks = Math.Max(_lastTicks + 1, (now - DateTimeOffset.UnixEpoch).Ticks + TicksFrom1582);
        }

        Span<byte> rest = stackalloc byte[8];
        RandomNumberGenerator.Fill(rest);
        rest[0] = (byte)((rest[0] & 0x3F) | 0x80);
        rest[2] |= 0x01; // a multicast address: no machine's
        return new Guid(
            (uint)ticks, (ushort)(ticks >> 32), (ushort)(((ticks >> 48) & 0x0FFF) | 0x1000), rest[0], rest[1], rest[2], rest[3], rest[4],
            rest[5], rest[6], rest[7]);
    }
}
