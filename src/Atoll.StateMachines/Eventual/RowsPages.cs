using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Eventual;

/// <summary>Pages of merged versions: what a strong shard with these rows would have answered.</summary>
public static class RowsPages
{
    /// <summary>Answers a read, as far as the version goes.</summary>
    /// <param name="rowsQuery">The read of a partition or a range of tokens.</param>
    /// <param name="version">The version that <see cref="EventualQuery.WriteRaw"/> got, or several of them merged.</param>
    /// <param name="now">When: the time that the versions were asked for with.</param>
    /// <param name="result">Receives the page (<see cref="Rows.RowsResultCodec"/>).</param>
    public static void Write(ReadOnlyMemory<byte> rowsQuery, ReadOnlyMemory<byte> version, HybridTime now, WireWriter result) =>
        throw new NotSupportedException();
}
