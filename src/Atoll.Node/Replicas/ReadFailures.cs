using Atoll.Storage.Journals;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>Failed reads in words.</summary>
internal static class ReadFailures
{
    /// <summary>Why the log could not be read.</summary>
    public static string Describe(this in LogReadResult read) =>
        read.Corruption?.ToString() ?? read.DiskResult.Detail ?? read.Status.ToString();

    /// <summary>Why the snapshot could not be read.</summary>
    public static string Describe(this in SnapshotRead read) =>
        read.Corruption?.ToString() ?? read.DiskResult.Detail ?? read.Status.ToString();
}
