namespace Atoll.Storage.Journals;

/// <summary>The layout of the journal's files (docs/log.md).</summary>
internal static class JournalFormat
{
    /// <summary>
    /// Batches begin at multiples of this: no block that was synced is ever written again, so a torn write cannot damage what was durable.
    /// </summary>
    public const int BlockBytes = 4096;
}
