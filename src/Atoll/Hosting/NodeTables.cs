using System.Globalization;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;

namespace Atoll.Hosting;

/// <summary>
/// The tables that a node serves. Whenever the directory brings another schema it is read at once, not with the next statement: drivers
/// that registered for changes of the schema are told by the node that they are connected to, whoever made the change. And logged batches
/// that were stopped in their middle, by a node's end say, are done to their end by whichever node finds them.
/// </summary>
internal sealed class NodeTables : IAsyncDisposable
{
    private static readonly TimeSpan BatchInterval = TimeSpan.FromSeconds(15);

    // Longer than a batch can take that is still under way: a call of each step gives up before that.
    private static readonly TimeSpan BatchAge = TimeSpan.FromSeconds(60);

    private readonly IDisposable _following;
    private readonly IDisposable _followingRoles;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _finishing;

    public NodeTables(AtollClient client, ulong clusterId)
    {
        var options = new TablesOptions { ClusterName = string.Create(CultureInfo.InvariantCulture, $"atoll-{clusterId:x16}") };
        Service = new TablesService(client.Schemas, client.Rows, TimeProvider.System, FunctionRegistry.BuiltIn, options, client.Roles);
        _following = client.Schemas.Subscribe(() => _ = FollowAsync());
        _followingRoles = client.Roles.Subscribe(() => _ = FollowRolesAsync());
        _finishing = FinishBatchesAsync();
    }

    public TablesService Service { get; }

    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        _followingRoles.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _finishing.ConfigureAwait(false);
        _stopping.Dispose();
        Service.Dispose();
    }

    private async Task FinishBatchesAsync()
    {
        using var timer = new PeriodicTimer(BatchInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
            {
                try
                {
                    await Service.FinishBatchesAsync(BatchAge, _stopping.Token).ConfigureAwait(false);
                }
                catch (Exception error) when (error is AtollException or CqlException)
                {
                    // A table cannot be written to now: its batches are found again the next time.
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The node stops; others go on.
        }
    }

    private async Task FollowRolesAsync()
    {
        await Task.Yield(); // whoever brought the directory goes on
        try
        {
            await Service.Roles.ReadKnownAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is AtollException or OperationCanceledException)
        {
            // The directory is out of reach, or the node stops: whoever logs in next reads the roles.
        }
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
