namespace Atoll.StoreBench;

/// <summary>What is measured: a sorted store, whoever's.</summary>
internal interface IBenchStore : IDisposable
{
    /// <summary>Its name in the table.</summary>
    string Name { get; }

    /// <summary>Writes a record, and does or lets be done what follows from it.</summary>
    void Put(ReadOnlySpan<byte> key, byte[] value);

    /// <summary>Reads a record; false when there is none.</summary>
    bool Get(byte[] key);

    /// <summary>Reads so many records, keys and values, from a key on; returns how many there were.</summary>
    long Scan(byte[] from, int rows);

    /// <summary>Makes everything written durable: in files, and these synced.</summary>
    void Flush();

    /// <summary>Ends all flushes and merges.</summary>
    void Settle();

    /// <summary>Opens it again, as after a restart.</summary>
    void Reopen();

    /// <summary>What it says of itself.</summary>
    string Notes();
}
