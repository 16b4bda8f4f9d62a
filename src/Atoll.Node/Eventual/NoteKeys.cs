namespace Atoll.Node.Eventual;

/// <summary>The keys of what a replica keeps beside its rows.</summary>
internal static class NoteKeys
{
    /// <summary>Where the range is: <see cref="Kernel.Eventual.RangeHorizon"/>.</summary>
    public static readonly byte[] Horizon = "h"u8.ToArray();
}
