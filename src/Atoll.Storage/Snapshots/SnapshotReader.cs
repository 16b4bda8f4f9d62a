namespace Atoll.Storage.Snapshots;

/// <summary>Reads a finished snapshot.</summary>
public sealed class SnapshotReader
{
    /// <summary>What is read.</summary>
    public SnapshotInfo Snapshot => throw new NotSupportedException();

    /// <summary>Reads content at an offset; every chunk that it touches is verified. One read at a time.</summary>
    /// <param name="offsetBytes">Where in the content.</param>
    /// <param name="buffer">Filled, or filled up to the end of the content. Not to be touched until the end.</param>
    /// <param name="done">The end.</param>
    public void Read(long offsetBytes, Memory<byte> buffer, Action<SnapshotRead> done) => throw new NotSupportedException();

    /// <summary>Lets go of the file.</summary>
    public void Close() => throw new NotSupportedException();
}
