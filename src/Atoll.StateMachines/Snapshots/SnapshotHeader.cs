using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.StateMachines.Snapshots;

/// <summary>The first frame of a snapshot.</summary>
internal readonly record struct SnapshotHeader(LogIndex Index, HybridTime Now)
{
    /// <summary>"ATST" in a file.</summary>
    internal const uint Magic = 0x54535441;

    internal const ushort FormatVersion = 1;

    /// <summary>Reads the header; a sentence when it is not acceptable, else null.</summary>
    internal static string? Read(ref WireReader reader, RequestTableOptions options, out SnapshotHeader header)
    {
        var magic = reader.ReadUInt32();
        var version = reader.ReadUInt16();
        header = default;
        if (!reader.Ok || magic != Magic)
        {
            return "this is not a snapshot";
        }

        if (version != FormatVersion)
        {
            return $"the snapshot has format {version}, this program reads format {FormatVersion}";
        }

        header = new SnapshotHeader(new LogIndex(reader.ReadUInt64()), new HybridTime(reader.ReadUInt64()));
        var sameOptions = reader.ReadUInt64() == (ulong)options.Window.Nanoseconds
            & reader.ReadVarint() == (ulong)options.AnswersMax
            & reader.ReadVarint() == (ulong)options.AnswersPerClientMax;
        if (!reader.OkAtEnd)
        {
            return "the snapshot's header is garbled";
        }

        return sameOptions ? null : "the snapshot was made with other bounds of the request table";
    }
}
