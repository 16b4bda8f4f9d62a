using System.Globalization;
using Atoll.Services;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;

namespace Atoll.Hosting;

/// <summary>
/// The tables that a node serves. Whenever the directory brings another schema it is read at once, not with the next statement: drivers
/// that registered for changes of the schema are told by the node that they are connected to, whoever made the change.
/// </summary>
internal sealed class NodeTables : IDisposable
{
    private readonly IDisposable _following;

    public NodeTables(AtollClient client, ulong clusterId)
    {
        var options = new TablesOptions { ClusterName = string.Create(CultureInfo.InvariantCulture, $"atoll-{clusterId:x16}") };
        Service = new TablesService(client.Schemas, client.Rows, TimeProvider.System, FunctionRegistry.BuiltIn, options);
        _following = client.Schemas.Subscribe(() => _ = FollowAsync());
    }

    public TablesService Service { get; }

    public void Dispose()
    {
        _following.Dispose();
        Service.Dispose();
    }

    private async Task FollowAsync()
    {
        await Task.Yield(); // whoever brought the directory goes on
        try
        {
            await Service.LoadSchemaAsync().ConfigureAwait(false);
        }
        catch (CqlException)
        {
            // The directory is out of reach: the next statement reads the schema, or says so.
        }
    }
}
