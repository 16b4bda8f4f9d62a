using System.Buffers.Binary;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>The keys of what a replica keeps beside its rows.</summary>
internal static class NoteKeys
{
    /// <summary>Where the range is: <see cref="Kernel.Eventual.RangeHorizon"/>.</summary>
    public static readonly byte[] Horizon = "h"u8.ToArray();

    /// <summary>The floor of Paxos: <see cref="Kernel.Paxos.PaxosAcceptor.Floor"/>.</summary>
    public static readonly byte[] PaxosFloor = "f"u8.ToArray();

    /// <summary>Under which name the replica adds to counters: <see cref="Kernel.Eventual.CounterOrigin.Generation"/> (4 bytes).</summary>
    public static readonly byte[] Generation = "g"u8.ToArray();

    /// <summary>The stamp of the last truncation (8 bytes).</summary>
    public static readonly byte[] Truncation = "t"u8.ToArray();

    private const byte PaxosByte = (byte)'p';

    /// <summary>The last truncation.</summary>
    public static Note OfTruncation(HybridTime stamp)
    {
        var value = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, stamp.Value);
        return new Note(Truncation, value);
    }

    /// <summary>What Paxos remembers of a partition.</summary>
    public static byte[] OfPaxos(ReadOnlySpan<byte> partition) => [PaxosByte, .. partition];

    /// <summary>Whether a key is one of <see cref="OfPaxos"/>, and of which partition.</summary>
    public static bool TryReadPaxos(ReadOnlyMemory<byte> key, out ReadOnlyMemory<byte> partition)
    {
        var isPaxos = key.Length > 1 && key.Span[0] == PaxosByte;
        partition = isPaxos ? key[1..] : default;
        return isPaxos;
    }
}
