using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>Pages of merged versions: what a strong shard with these rows would have answered.</summary>
public static class RowsPages
{
    /// <summary>
    /// Answers a read, as far as the version goes. Where it goes less far than the read, the page ends, and says where the next begins;
    /// also when there is no row on it. It gets further with each page.
    /// </summary>
    /// <param name="rowsQuery">The read of a partition or a range of tokens.</param>
    /// <param name="version">The version that <see cref="EventualQuery.WriteRaw"/> got, or several of them merged.</param>
    /// <param name="now">When: the time that the versions were asked for with.</param>
    /// <param name="result">Receives the page (<see cref="RowsResultCodec"/>).</param>
    public static void Write(ReadOnlyMemory<byte> rowsQuery, ReadOnlyMemory<byte> version, HybridTime now, WireWriter result)
    {
        if (!RowsPlace.TryRead(rowsQuery, out var place))
        {
            RowsResultCodec.WriteHead(result, RowsStatus.Invalid, now, "the bytes are not a rows query");
        }
        else if (!VersionContents.TryRead(version, out var contents, checksValues: true))
        {
            RowsResultCodec.WriteHead(result, RowsStatus.Invalid, now, "the bytes are not a version of rows");
        }
        else
        {
            using var cursor = new VersionCursor(contents);
            new RowsPageWriter(cursor, place, EventualRecords.OfVersions, now, result, cursor).Run();
        }
    }
}
