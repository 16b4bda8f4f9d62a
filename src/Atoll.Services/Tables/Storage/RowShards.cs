using System.Runtime.CompilerServices;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Storage;

/// <summary>
/// Rows over a request port: encodes, routes by the partition's token, and leaves retries to the <see cref="Caller"/>: each write has an
/// identity, so that it has one effect however often it is sent.
/// </summary>
/// <param name="caller">Sends requests.</param>
/// <param name="directory">Finds spaces.</param>
/// <param name="spaces">Creates and drops them.</param>
public sealed class RowShards(Caller caller, DirectoryCache directory, ISpaces spaces) : IRowShards
{
    private static readonly ResponseReader<MutationResult> ReadMutation =
        static (in Response response) => RowResponses.Mutation(response.Body);

    private static readonly ResponseReader<RowsPage> ReadPage = static (in Response response) => RowResponses.Page(response.Body);
    private static readonly ResponseReader<RowsStats> ReadStats = static (in Response response) => RowResponses.Stats(response.Body);

    // What a replica that was away has not heard of would be there again afterwards.
    private static readonly RowCallOptions EveryReplica = new() { Consistency = new RequestConsistency(ConsistencyLevel.All) };

    /// <inheritdoc />
    public async ValueTask CreateAsync(RowSpaceOptions options, CancellationToken cancellationToken) =>
        await spaces.CreateAsync(
            new SpaceOptions(
                options.Table, options.FaultModel, options.Replicas, Partitioning.Hash, options.ShardCount, SpaceKind.Rows,
                options.Regions),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<string>> RegionsAsync(CancellationToken cancellationToken)
    {
        var view = await directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return
        [
            .. view.Nodes.Select(static node => node.Description.RegionName).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
        ];
    }

    /// <inheritdoc />
    public ValueTask<bool> DropAsync(string table, CancellationToken cancellationToken) => spaces.DropAsync(table, cancellationToken);

    /// <inheritdoc />
    public ValueTask TruncateAsync(string table, CancellationToken cancellationToken) => new(InSpaceAsync(
        table,
        async space =>
        {
            // Of an eventual space, a write that comes later is recognised by its stamp. The first time, every replica answers with its
            // clock, which is ahead of all stamps that it has seen; so the second time has a later stamp than every write before.
            var payload = Encode(RowsCommand.WriteTruncate);
            var times = space.Options.FaultModel == FaultModel.Eventual ? 2 : 1;
            foreach (var shard in await ShardsAsync(space, cancellationToken).ConfigureAwait(false))
            {
                for (var time = 0; time < times; time++)
                {
                    var request = RequestOf(RequestKind.Write, space, shard.HashLow, payload, EveryReplica);
                    await caller.Invoke(request, null, null, ReadMutation, cancellationToken).ConfigureAwait(false);
                }
            }

            return true;
        },
        cancellationToken));

    /// <inheritdoc />
    public ValueTask<MutationResult> MutateAsync(
        string table, RowsMutation mutation, RowCallOptions options, CancellationToken cancellationToken)
    {
        if (mutation.Partitions.Count == 0)
        {
            throw new InvalidRequestException("a mutation needs a partition");
        }

        // The usual case, without closures and tasks of its own.
        if (mutation.Partitions.Count == 1 && directory.Cached is { } view && view.TryGetSpace(table, out var known))
        {
            return MutateOneAsync(table, known, mutation, options, cancellationToken);
        }

        return new(InSpaceAsync(table, space => MutateAsync(space, mutation, options, cancellationToken), cancellationToken));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<MutationResult> MutateOneAsync(
        string table, SpaceInfo space, RowsMutation mutation, RowCallOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync(space, mutation, options, cancellationToken).ConfigureAwait(false);
        }
        catch (UnknownSpaceException)
        {
            if (await OtherSpaceAsync(table, space, cancellationToken).ConfigureAwait(false) is not { } other)
            {
                throw;
            }

            space = other;
        }

        return await SendAsync(space, mutation, options, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public ValueTask<RowsPage> ReadPartitionAsync(
        string table, PartitionRead read, RowCallOptions options, CancellationToken cancellationToken) => new(InSpaceAsync(
        table,
        space => ReadAsync(
            space, RowTokens.HashOf(read.Token), Encode(writer => RowsQuery.WritePartition(writer, read)), options, cancellationToken),
        cancellationToken));

    /// <inheritdoc />
    public ValueTask<RowsPage> ReadRangeAsync(
        string table, TokenRangeRead read, RowCallOptions options, CancellationToken cancellationToken)
    {
        var hash = RowTokens.HashOf(read.FromToken);
        if (!read.Selection.ResumeAfter.IsEmpty)
        {
            hash = RowsResume.TryRead(read.Selection.ResumeAfter, out var resume)
                ? Math.Max(hash, resume.Hash)
                : throw new InvalidRequestException("the place to resume a read is not one");
        }

        return new(InSpaceAsync(table, space => ReadRangeAsync(space, read, hash, options, cancellationToken), cancellationToken));
    }

    /// <inheritdoc />
    public ValueTask<RowsStats> CountAsync(string table, CancellationToken cancellationToken) => new(InSpaceAsync(
        table,
        async space =>
        {
            var total = default(RowsStats);
            foreach (var shard in await ShardsAsync(space, cancellationToken).ConfigureAwait(false))
            {
                var request = RequestOf(RequestKind.Read, space, shard.HashLow, Encode(RowsQuery.WriteStats), default);
                var stats = await caller.Invoke(request, null, null, ReadStats, cancellationToken).ConfigureAwait(false);
                total = stats with { Rows = total.Rows + stats.Rows, Bytes = total.Bytes + stats.Bytes };
            }

            return total;
        },
        cancellationToken));

    private static byte[] Encode(Action<WireWriter> write)
    {
        var writer = Payloads.Begin();
        write(writer);
        return Payloads.Take(writer);
    }

    private static Request RequestOf(RequestKind kind, SpaceInfo space, ulong hash, byte[] payload, in RowCallOptions options) => new()
    {
        Kind = kind,
        Space = space.Id,
        RoutingHash = hash,
        Level = options.Level,
        Consistency = space.Options.FaultModel == FaultModel.Eventual ? options.Consistency : null,
        Payload = payload,
    };

    // A table may have been dropped and created again since the directory was last looked at. Nothing has happened in a space that is
    // unknown, so that everything may be tried again in the new one.
    private async Task<T> InSpaceAsync<T>(string table, Func<SpaceInfo, Task<T>> call, CancellationToken cancellation)
    {
        var space = await directory.ResolveAsync(table, cancellation).ConfigureAwait(false);
        try
        {
            return await call(space).ConfigureAwait(false);
        }
        catch (UnknownSpaceException)
        {
            if (await OtherSpaceAsync(table, space, cancellation).ConfigureAwait(false) is not { } other)
            {
                throw;
            }

            space = other;
        }

        return await call(space).ConfigureAwait(false);
    }

    // The space that has the name now; null when it is the same.
    private async Task<SpaceInfo?> OtherSpaceAsync(string table, SpaceInfo space, CancellationToken cancellation)
    {
        await directory.RefreshAsync(cancellation).ConfigureAwait(false);
        var now = await directory.ResolveAsync(table, cancellation).ConfigureAwait(false);
        return now.Id == space.Id ? null : now;
    }

    private async Task<MutationResult> MutateAsync(
        SpaceInfo space, RowsMutation mutation, RowCallOptions options, CancellationToken cancellation)
    {
        if (mutation.Partitions.Count == 1)
        {
            return await SendAsync(space, mutation, options, cancellation).ConfigureAwait(false);
        }

        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        var parts = mutation.Partitions
            .GroupBy(partition => view.TryGetShard(space.Id, RowTokens.HashOf(partition.Token), out var shard) ? shard.Id : ShardId.None)
            .Select(group => mutation with { Partitions = [.. group] })
            .ToArray();
        if (parts.Length > 1 && mutation.Conditions.Count > 0)
        {
            throw new InvalidRequestException("a conditional write must not span shards");
        }

        if (parts.Length == 1)
        {
            return await SendAsync(space, mutation, options, cancellation).ConfigureAwait(false);
        }

        var sent = parts.Select(part => SendAsync(space, part, options, cancellation).AsTask());
        var results = await Task.WhenAll(sent).ConfigureAwait(false);
        return results.MaxBy(static result => result.Version)!;
    }

    private ValueTask<MutationResult> SendAsync(
        SpaceInfo space, RowsMutation mutation, in RowCallOptions options, CancellationToken cancellation)
    {
        var hash = RowTokens.HashOf(mutation.Partitions[0].Token);
        var writer = Payloads.Begin();
        RowsCommand.WriteMutate(writer, mutation);
        var request = RequestOf(RequestKind.Write, space, hash, Payloads.Take(writer), options);
        return caller.Invoke(request, options.Timeout, null, ReadMutation, cancellation);
    }

    private Task<RowsPage> ReadAsync(
        SpaceInfo space, ulong hash, byte[] payload, in RowCallOptions options, CancellationToken cancellation) => caller.Invoke(
        RequestOf(RequestKind.Read, space, hash, payload, options), options.Timeout, null, ReadPage, cancellation).AsTask();

    private async Task<RowsPage> ReadRangeAsync(
        SpaceInfo space, TokenRangeRead read, ulong hash, RowCallOptions options, CancellationToken cancellation)
    {
        var page = await ReadAsync(space, hash, Encode(writer => RowsQuery.WriteTokenRange(writer, read)), options, cancellation)
            .ConfigureAwait(false);
        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        if (!view.TryGetShard(space.Id, hash, out var shard))
        {
            throw new UnknownSpaceException($"there is no space \"{space.Name}\" any longer");
        }

        // What this shard has is read: what is left lies in the shards behind it.
        return page.HasMore || shard.HashHigh >= RowTokens.HashOf(read.ToToken)
            ? page
            : page with { ResumeAfter = RowsResume.At(shard.HashHigh + 1) };
    }

    private async Task<ShardInfo[]> ShardsAsync(SpaceInfo space, CancellationToken cancellation)
    {
        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        var shards = view.ShardsOf(space.Id).ToArray();
        return shards.Length > 0 ? shards : throw new UnknownSpaceException($"there is no space \"{space.Name}\" any longer");
    }
}
