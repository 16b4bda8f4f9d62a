using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>DescribeTransactions and ListTransactions: for people. Every node lists those of all.</summary>
internal sealed class TransactionAdministration(ITransactions transactions, TimeProvider time) : IKafkaRequests
{
    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<DescribeTransactionsRequest>(KafkaApi.DescribeTransactions, DescribeAsync),
        KafkaHandler.Of<ListTransactionsRequest>(KafkaApi.ListTransactions, ListAsync),
    ];

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, DescribeTransactionsRequest request) =>
        new DescribeTransactionsResponse
        {
            Transactions = await Task.WhenAll(request.TransactionalIds.Select(id => DescribeAsync(id, exchange.Gone)))
                .ConfigureAwait(false),
        };

    private async Task<DescribeTransactionsResponse.Transaction> DescribeAsync(string id, CancellationToken cancellation)
    {
        var answer = new DescribeTransactionsResponse.Transaction { TransactionalId = id, State = "" };
        try
        {
            if (await transactions.FindAsync(id, cancellation).ConfigureAwait(false) is not { } producer)
            {
                answer.Error = KafkaError.TransactionalIdNotFound;
                return answer;
            }

            answer.State = $"{producer.State}";
            answer.TimeoutMs = producer.TimeoutMilliseconds;
            answer.StartMs = producer.BeganAt;
            (answer.ProducerId, answer.ProducerEpoch) = (producer.ProducerId, producer.Epoch);
            answer.Topics =
            [
                .. producer.Partitions.GroupBy(static place => place.Topic, StringComparer.Ordinal)
                    .Select(static topic => new DescribeTransactionsResponse.Topic
                    {
                        Name = topic.Key, Partitions = [.. topic.Select(static place => place.Partition)],
                    }),
            ];
        }
        catch (AtollException error)
        {
            answer.Error = GroupErrors.Of(error);
        }

        return answer;
    }

    private ValueTask<IKafkaMessage?> ListAsync(KafkaExchange exchange, ListTransactionsRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var known = Enum.GetNames<TransactionState>();
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var found = await transactions.ListAsync(exchange.Gone).ConfigureAwait(false);
            return new ListTransactionsResponse
            {
                UnknownStateFilters = [.. request.StateFilters.Except(known, StringComparer.Ordinal)],
                Transactions =
                [
                    .. found.Where(producer =>
                            (request.StateFilters.Count == 0 || request.StateFilters.Contains($"{producer.State}"))
                            && (request.ProducerIdFilters.Count == 0 || request.ProducerIdFilters.Contains(producer.ProducerId))
                            && (request.DurationFilter < 0
                                || (producer.BeganAt >= 0 && now - producer.BeganAt > request.DurationFilter)))
                        .Select(static producer => new ListTransactionsResponse.Transaction
                        {
                            TransactionalId = producer.Id, ProducerId = producer.ProducerId, State = $"{producer.State}",
                        }),
                ],
            };
        },
        static error => new ListTransactionsResponse { Error = error });
}
