using Atoll.Foundation.Randomness;

namespace Atoll.Node.Eventual;

/// <summary>What an answer of a replica belongs to.</summary>
internal enum OperationOwner : byte
{
    /// <summary>A write round.</summary>
    Write = 0,

    /// <summary>A read round.</summary>
    Read = 1,

    /// <summary>A hint that was handed over.</summary>
    Hint = 2,
}

/// <summary>
/// Numbers of a loop's operations, never used twice, also not by another life of the loop: an answer that is late is never taken for that
/// of something else. The lowest two bits say whose they are.
/// </summary>
internal sealed class OperationNumbers
{
    private readonly ulong _life;
    private ulong _last;

    /// <param name="random">What makes this life of the loop different from all others.</param>
    public OperationNumbers(Prng random)
    {
        _life = (random.NextUInt64() >> 24) << 20;
        _last = _life;
    }

    /// <summary>The number of a new write.</summary>
    public ulong NextWrite() => (++_last << 2) | (ulong)OperationOwner.Write;

    /// <summary>The number of a new read.</summary>
    public ulong NextRead() => (++_last << 2) | (ulong)OperationOwner.Read;

    /// <summary>The number that a hint is handed over under.</summary>
    public ulong OfHint(ulong sequence) => ((_life + sequence) << 2) | (ulong)OperationOwner.Hint;

    /// <summary>The sequence of the hint that a number stands for.</summary>
    public ulong HintOf(ulong number) => (number >> 2) - _life;

    /// <summary>Whose a number is.</summary>
    public static OperationOwner OwnerOf(ulong number) => (OperationOwner)(number & 3);
}
