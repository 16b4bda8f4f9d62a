using Atoll.Foundation.Bytes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Services.Streams.Transactions;

/// <summary>
/// Transactions over a request port (docs/streams.md). What happens to one is decided in the shard of its transactional id; partitions and
/// groups are told of its beginning before its producer may go on, and of its end once that is durable.
/// </summary>
internal sealed class TransactionsService(
    Caller caller, DirectoryCache directory, ISpaces spaces, IStreams streams, IGroups groups) : ITransactions
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // How long a producer waits here for the end of the former transaction before it is told to come again.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan EndPause = TimeSpan.FromMilliseconds(20);

    // Transactions that are finished at once.
    private const int AtOnceMax = 16;

    private static readonly ResponseReader<TransactionResult> ReadResult = static (in Response response) =>
        TransactionResult.TryRead(response.Body, out var result) ? result : throw Garbled();

    private static readonly ResponseReader<TransactionsPage> ReadPage = static (in Response response) =>
        TransactionsPage.TryRead(response.Body) ?? throw Garbled();

    private readonly CoordinatorSpace _space = new(TransactionLimits.SpaceName, SpaceKind.Transactions, directory, spaces);
    private readonly TransactionEnds _ends = new(streams, groups);

    /// <inheritdoc />
    public async ValueTask<TransactionResult> InitAsync(
        string id, int timeoutMilliseconds, long knownProducerId, short knownEpoch, CancellationToken cancellationToken)
    {
        var producerId = await streams.NewProducerIdAsync(cancellationToken).ConfigureAwait(false);
        var init = new InitProducer(id, timeoutMilliseconds, producerId, knownProducerId, knownEpoch);
        return await WriteWhenEndedAsync(id, writer => TransactionCommand.Write(writer, init), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<TransactionResult> AddAsync(AddToTransaction add, CancellationToken cancellationToken)
    {
        var added = await WriteWhenEndedAsync(add.Id, writer => TransactionCommand.Write(writer, add), cancellationToken)
            .ConfigureAwait(false);
        if (added.Status != TransactionStatus.Ok)
        {
            return added;
        }

        var transaction = new ProducerTransaction(add.ProducerId, add.Epoch, added.Number);
        var begun = await _ends.BeginAsync(transaction, add.Partitions, add.Groups, cancellationToken).ConfigureAwait(false);
        return added with { Status = begun };
    }

    /// <inheritdoc />
    public async ValueTask<TransactionResult> EndAsync(EndTransaction end, CancellationToken cancellationToken)
    {
        var ended = await WriteAsync(end.Id, writer => TransactionCommand.Write(writer, end), cancellationToken).ConfigureAwait(false);
        if (ended.Status == TransactionStatus.Ok)
        {
            await TryFinishAsync(end.Id, cancellationToken).ConfigureAwait(false);
        }

        return ended;
    }

    /// <inheritdoc />
    public async ValueTask<TransactionalProducer?> FindAsync(string id, CancellationToken cancellationToken)
    {
        var request = await RequestAsync(
            RequestKind.Read, id, Encode(writer => TransactionQuery.WriteFind(writer, id)), cancellationToken).ConfigureAwait(false);
        var page = await caller.Invoke(request, Patience, null, ReadPage, cancellationToken).ConfigureAwait(false);
        return page.Producers.Count == 0 ? null : page.Producers[0];
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<TransactionalProducer>> ListAsync(CancellationToken cancellationToken)
    {
        await directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var shards = await _space.ShardsAsync(cancellationToken).ConfigureAwait(false);
        var lists = await Task.WhenAll(shards.Select(shard => ReadAllAsync(shard, TransactionQuery.WriteList, cancellationToken)))
            .ConfigureAwait(false);
        return [.. lists.SelectMany(static list => list)];
    }

    /// <inheritdoc />
    public ValueTask<ShardInfo> ShardOfAsync(string id, CancellationToken cancellationToken) =>
        TransactionCommand.IsTransactionalId(id) ? _space.ShardOfAsync(TransactionCommand.HashOf(id), cancellationToken)
        : throw new InvalidTransactionalIdException();

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ShardInfo>> ShardsAsync(CancellationToken cancellationToken) => _space.ShardsAsync(cancellationToken);

    /// <inheritdoc />
    public async ValueTask FinishAsync(ShardInfo shard, CancellationToken cancellationToken)
    {
        var ending = await ReadAllAsync(shard, TransactionQuery.WriteEnding, cancellationToken).ConfigureAwait(false);
        foreach (var some in ending.Chunk(AtOnceMax))
        {
            await Task.WhenAll(some.Select(producer => TryFinishAsync(producer, cancellationToken))).ConfigureAwait(false);
        }
    }

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the answer of the transaction's shard cannot be decoded");

    private static byte[] Encode(Action<WireWriter> write)
    {
        var writer = Payloads.Begin();
        write(writer);
        return Payloads.Take(writer);
    }

    private async Task FinishAsync(TransactionalProducer producer, CancellationToken cancellation)
    {
        await _ends.EndAsync(producer, cancellation).ConfigureAwait(false);
        var complete = new CompleteTransaction(producer.Id, producer.ProducerId, producer.Epoch, producer.Number);
        await WriteAsync(producer.Id, writer => TransactionCommand.Write(writer, complete), cancellation).ConfigureAwait(false);
    }

    private async Task TryFinishAsync(string id, CancellationToken cancellation)
    {
        try
        {
            if (await FindAsync(id, cancellation).ConfigureAwait(false) is { IsEnding: true } producer)
            {
                await TryFinishAsync(producer, cancellation).ConfigureAwait(false);
            }
        }
        catch (AtollException)
        {
            // Nobody leads at the moment.
        }
    }

    // What is decided will be known everywhere, if not by this then by whoever leads the shard.
    private async Task TryFinishAsync(TransactionalProducer producer, CancellationToken cancellation)
    {
        try
        {
            await FinishAsync(producer, cancellation).WaitAsync(EndPatience, caller.Time, cancellation).ConfigureAwait(false);
        }
        catch (AtollException)
        {
            // Somebody is not there at the moment.
        }
        catch (TimeoutException)
        {
            // It goes on.
        }
    }

    // The former transaction ends first, if one is ending.
    private async ValueTask<TransactionResult> WriteWhenEndedAsync(
        string id, Action<WireWriter> write, CancellationToken cancellation)
    {
        var startedAt = caller.Time.GetTimestamp();
        while (true)
        {
            var result = await WriteAsync(id, write, cancellation).ConfigureAwait(false);
            if (result.Status != TransactionStatus.Concurrent || caller.Time.GetElapsedTime(startedAt) > EndPatience)
            {
                return result;
            }

            await TryFinishAsync(id, cancellation).ConfigureAwait(false);
            await Task.Delay(EndPause, caller.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<List<TransactionalProducer>> ReadAllAsync(
        ShardInfo shard, Action<WireWriter, string> write, CancellationToken cancellation)
    {
        var producers = new List<TransactionalProducer>();
        while (true)
        {
            var request = new Request
            {
                Kind = RequestKind.Read, Shard = shard.Id,
                Payload = Encode(writer => write(writer, producers.Count == 0 ? "" : producers[^1].Id)),
            };
            var page = await caller.Invoke(request, Patience, null, ReadPage, cancellation).ConfigureAwait(false);
            producers.AddRange(page.Producers);
            if (!page.More)
            {
                return producers;
            }
        }
    }

    private async ValueTask<TransactionResult> WriteAsync(string id, Action<WireWriter> write, CancellationToken cancellation)
    {
        var request = await RequestAsync(RequestKind.Write, id, Encode(write), cancellation).ConfigureAwait(false);
        return await caller.Invoke(request, Patience, null, ReadResult, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<Request> RequestAsync(RequestKind kind, string id, byte[] payload, CancellationToken cancellation)
    {
        if (!TransactionCommand.IsTransactionalId(id))
        {
            throw new InvalidTransactionalIdException();
        }

        var space = await _space.GetAsync(cancellation).ConfigureAwait(false);
        return new Request { Kind = kind, Space = space.Id, RoutingHash = TransactionCommand.HashOf(id), Payload = payload };
    }
}
