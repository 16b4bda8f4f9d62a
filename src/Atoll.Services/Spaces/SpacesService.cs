using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Spaces;

/// <summary>Spaces over a request port: commands for the directory's shard, and views of it.</summary>
public sealed class SpacesService : ISpaces
{
    private readonly Caller _caller;
    private readonly DirectoryCache _directory;

    /// <summary>The spaces of the caller's cluster.</summary>
    public SpacesService(Caller caller, DirectoryCache directory)
    {
        _caller = caller;
        _directory = directory;
    }

    /// <inheritdoc />
    public async ValueTask<SpaceInfo> CreateAsync(SpaceOptions options, CancellationToken cancellationToken)
    {
        await DirectoryWrites.InvokeAsync(
            _caller, writer => DirectoryCommand.WriteCreateSpace(writer, options), cancellationToken).ConfigureAwait(false);
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        if (!view.TryGetSpace(options.Name, out var space))
        {
            throw new UnknownSpaceException($"space \"{options.Name}\" was created, and dropped again at once by somebody else");
        }

        if (options is { FaultModel: FaultModel.Eventual, Kind: SpaceKind.Records })
        {
            var records = new RecordsService(options.Name, _caller, _directory);
            await NewReplicas.WaitAsync(
                (level, timeout) => ReadAllAsync(records, level, timeout, cancellationToken), _caller.Time, cancellationToken)
                .ConfigureAwait(false);
        }

        return space;
    }

    // The first record of all is known when every shard has answered.
    private static async ValueTask ReadAllAsync(
        RecordsService records, ConsistencyLevel level, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var options = new ReadOptions { Consistency = new RequestConsistency(level), Timeout = timeout };
        await using var record = records.ScanAsync(default, options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await record.MoveNextAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<SpaceInfo>> ListAsync(CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return [.. view.Spaces.OrderBy(space => space.Name, StringComparer.Ordinal)];
    }

    /// <inheritdoc />
    public async ValueTask<SpaceDescription> DescribeAsync(string name, CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return view.TryGetSpace(name, out var space)
            ? new SpaceDescription(space, view.ShardsOf(space.Id).ToArray())
            : throw new UnknownSpaceException($"there is no space \"{name}\"");
    }

    /// <inheritdoc />
    public async ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        if (!view.TryGetSpace(name, out var space))
        {
            return false;
        }

        try
        {
            await DirectoryWrites.InvokeAsync(
                _caller, writer => DirectoryCommand.WriteDropSpace(writer, space.Id), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (AtollException error) when (error.Code == ErrorCode.NotFound)
        {
            return false; // somebody else was faster
        }
        finally
        {
            _directory.Invalidate();
        }
    }
}
