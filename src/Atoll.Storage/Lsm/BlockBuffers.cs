namespace Atoll.Storage.Lsm;

/// <summary>
/// Arrays for blocks, to be used again: a block that lives in the cache for a while and then goes is what a collector of generations is
/// worst at. Only who can prove that nobody has a slice of an array gives it back (<see cref="Block.Recycle"/>).
/// </summary>
internal sealed class BlockBuffers(long keptBytesMax)
{
    // Three of them are a block of 4 KiB, its trailer and the end of its last entry.
    private const int StepBytes = 1408;
    private const int PooledBytesMax = 50 * StepBytes;

    private readonly Stack<byte[]>?[] _free = new Stack<byte[]>?[(PooledBytesMax / StepBytes) + 1];

    private int _hand;

    /// <summary>Bytes of arrays that wait for their next use.</summary>
    public long KeptBytes { get; private set; }

    /// <summary>An array of at least so many bytes, of any content.</summary>
    public byte[] Rent(int bytes)
    {
        if (bytes > PooledBytesMax)
        {
            return GC.AllocateUninitializedArray<byte>(bytes);
        }

        var step = (bytes + StepBytes - 1) / StepBytes;
        if (_free[step] is { } free && free.TryPop(out var array))
        {
            KeptBytes -= array.Length;
            return array;
        }

        return GC.AllocateUninitializedArray<byte>(step * StepBytes);
    }

    /// <summary>Gives an array back that nobody uses any more.</summary>
    public void Return(byte[] array)
    {
        if (array.Length > PooledBytesMax || array.Length % StepBytes != 0 || array.Length > keptBytesMax)
        {
            return;
        }

        // What is kept of sizes that nobody asks for any more makes way.
        while (KeptBytes + array.Length > keptBytesMax)
        {
            _hand = (_hand + 1) % _free.Length;
            if (_free[_hand] is { } free && free.TryPop(out var dropped))
            {
                KeptBytes -= dropped.Length;
            }
        }

        (_free[array.Length / StepBytes] ??= new Stack<byte[]>()).Push(array);
        KeptBytes += array.Length;
    }
}
