using Atoll.Foundation.Checks;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Schema;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Streams.Feeds;

/// <summary>The tables whose rows are fed into topics. Thread-safe.</summary>
/// <param name="catalog">The schema.</param>
internal sealed class FeedTables(SchemaCatalog catalog)
{
    private static readonly Probe Behind = Probe.Define("feeds: a row has a column that this node has not heard of");

    /// <summary>The table of that name, "keyspace.table"; null when there is none.</summary>
    public async ValueTask<TableDefinition?> FindAsync(string name, CancellationToken cancellation) =>
        All(await catalog.RefreshAsync(cancellation).ConfigureAwait(false))
            .FirstOrDefault(table => string.Equals($"{table.Keyspace}.{table.Name}", name, StringComparison.Ordinal));

    /// <summary>The table whose rows are in a space, with all columns that rows have cells of, but those that were dropped.</summary>
    /// <param name="space">The space's name.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="UnknownSpaceException">There is no such table any more.</exception>
    public async ValueTask<TableDefinition> KnowingAsync(string space, IEnumerable<RowData> rows, CancellationToken cancellation)
    {
        var known = OfSpace(await catalog.LoadAsync(cancellation).ConfigureAwait(false), space);
        var highest = rows.SelectMany(static row => row.Cells).Select(static cell => cell.Column).DefaultIfEmpty(0u).Max();
        if (known is null || highest >= known.NextColumnId)
        {
            // Whoever wrote the row has heard of the column before this node.
            Behind.Hit();
            known = OfSpace(await catalog.RefreshAsync(cancellation).ConfigureAwait(false), space);
        }

        return known ?? throw new UnknownSpaceException($"there is no table whose rows are in space \"{space}\" any more");
    }

    private static IEnumerable<TableDefinition> All(TableSchema schema) =>
        schema.Keyspaces.Values.SelectMany(static keyspace => keyspace.Tables.Values);

    private static TableDefinition? OfSpace(TableSchema schema, string space) =>
        All(schema).FirstOrDefault(table => string.Equals(table.SpaceName, space, StringComparison.Ordinal));
}
