namespace Atoll.Storage.Snapshots;

/// <summary>A snapshot that is being written.</summary>
public sealed class SnapshotWriter
{
    /// <summary>What it is of.</summary>
    public SnapshotMeta Meta => throw new NotSupportedException();

    /// <summary>Content bytes taken so far: where the next chunk of a transfer must begin.</summary>
    public long ContentBytes => throw new NotSupportedException();

    /// <summary>Bytes that the disk has not taken yet: who writes much waits while this is large.</summary>
    public long PendingBytes => throw new NotSupportedException();

    /// <summary>True once a write has failed: <see cref="Finish"/> will say so; nothing more is written.</summary>
    public bool HasFailed => throw new NotSupportedException();

    /// <summary>Takes the next piece of the content, of any length. The bytes are copied.</summary>
    public void Write(ReadOnlySpan<byte> content) => throw new NotSupportedException();

    /// <summary>Ends the content, makes it durable and visible.</summary>
    public void Finish(Action<SnapshotFinished> done) => throw new NotSupportedException();

    /// <summary>Gives up and deletes what was written. Free after the end.</summary>
    public void Abort() => throw new NotSupportedException();
}
