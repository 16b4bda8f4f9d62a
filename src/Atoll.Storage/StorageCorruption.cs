namespace Atoll.Storage;

/// <summary>
/// Bytes that were durable once and are not what was written: rot, a misdirected or lost write, a missing file. It is never cut off or
/// skipped; who finds it reports it, and the replica gets its data back from another (Alagappan et al., FAST '18).
/// </summary>
/// <param name="File">The file's name on the loop's disk.</param>
/// <param name="OffsetBytes">Where in the file the damaged unit (header, batch, record, chunk) begins.</param>
/// <param name="Why">What does not fit, for people.</param>
public sealed record StorageCorruption(string File, long OffsetBytes, string Why)
{
    /// <summary>"file at offset: why".</summary>
    public override string ToString() => $"{File} at byte {OffsetBytes}: {Why}";
}
