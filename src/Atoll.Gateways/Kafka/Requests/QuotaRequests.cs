using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Quotas;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// DescribeClientQuotas and AlterClientQuotas: those of clients by what they call themselves; users and addresses have none.
/// </summary>
internal sealed class QuotaRequests(IQuotas quotas) : IKafkaRequests
{
    private const string ClientId = "client-id";

    // What a component of a filter asks for: a name, the default, or anything.
    private const sbyte Exact = 0;
    private const sbyte Default = 1;
    private const sbyte Any = 2;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<DescribeClientQuotasRequest>(KafkaApi.DescribeClientQuotas, DescribeAsync),
        KafkaHandler.Of<AlterClientQuotasRequest>(KafkaApi.AlterClientQuotas, AlterAsync),
    ];

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, DescribeClientQuotasRequest request)
    {
        if (FaultOf(request) is { } fault)
        {
            return new DescribeClientQuotasResponse { Error = KafkaError.InvalidRequest, ErrorText = fault, Entries = null };
        }

        try
        {
            var known = await quotas.ReadAsync(exchange.Gone).ConfigureAwait(false);
            var all = known.Clients.Select(static pair => (Name: (string?)pair.Key, Quota: pair.Value));
            all = known.Default.IsNone ? all : all.Prepend((null, known.Default));
            return new DescribeClientQuotasResponse
            {
                Entries =
                [
                    .. all.Where(entry => request.Components.All(component => Matches(component, entry.Name)))
                        .Select(static entry => new DescribeClientQuotasResponse.Entry
                        {
                            Entity = [new() { EntityType = ClientId, Name = entry.Name }],
                            Values = [.. entry.Quota.Chosen.Select(static pair => new DescribeClientQuotasResponse.Value
                            {
                                Key = pair.Key, Rate = pair.Value,
                            })],
                        }),
                ],
            };
        }
        catch (AtollException error)
        {
            return new DescribeClientQuotasResponse { Error = KafkaErrors.Of(error), ErrorText = error.Message, Entries = null };
        }
    }

    private static string? FaultOf(DescribeClientQuotasRequest request) =>
        request.Components.FirstOrDefault(static component => component.MatchType is < Exact or > Any
            || (component.MatchType == Exact && component.Match is null)) is { } bad
            ? $"a component asks by 0 with a name, by 1 or by 2, not by {bad.MatchType}"
        : request.Components.DistinctBy(static component => component.EntityType).Count() < request.Components.Count
            ? "a type is asked for once"
        : null;

    // Of other types there are no quotas: nothing has a part of one.
    private static bool Matches(DescribeClientQuotasRequest.Component component, string? name) => component.EntityType == ClientId
        && component.MatchType switch
        {
            Exact => name == component.Match,
            Default => name is null,
            _ => true,
        };

    private async ValueTask<IKafkaMessage?> AlterAsync(KafkaExchange exchange, AlterClientQuotasRequest request)
    {
        var answers = new List<AlterClientQuotasResponse.Entry>();
        foreach (var entry in request.Entries)
        {
            var answer = new AlterClientQuotasResponse.Entry
            {
                Entity = [.. entry.Entity.Select(static part => new AlterClientQuotasResponse.EntityPart
                {
                    EntityType = part.EntityType, Name = part.Name,
                })],
            };
            try
            {
                await AlterAsync(entry, request.ValidateOnly, exchange.Gone).ConfigureAwait(false);
            }
            catch (AtollException error)
            {
                (answer.Error, answer.ErrorText) = (KafkaErrors.Of(error), error.Message);
            }

            answers.Add(answer);
        }

        return new AlterClientQuotasResponse { Entries = answers };
    }

    private async ValueTask AlterAsync(AlterClientQuotasRequest.Entry entry, bool validateOnly, CancellationToken cancellation)
    {
        if (entry.Entity is not [{ EntityType: ClientId } client])
        {
            throw new InvalidRequestException("quotas are those of a client-id: there are none of users and addresses");
        }

        ClientQuotas Change(ClientQuotas before) => before.With(client.Name, entry.Ops.Aggregate(before.SetFor(client.Name), Alter));
        if (validateOnly)
        {
            var after = Change(await quotas.ReadAsync(cancellation).ConfigureAwait(false));
            if (after.Fault() is { } fault)
            {
                throw new InvalidRequestException(fault);
            }
        }
        else
        {
            await quotas.ChangeAsync(Change, cancellation).ConfigureAwait(false);
        }
    }

    private static ClientQuota Alter(ClientQuota quota, AlterClientQuotasRequest.Op op)
    {
        // What is no whole number becomes none that is taken.
        long? rate = op.Remove ? null : double.IsInteger(op.Rate) && Math.Abs(op.Rate) < long.MaxValue ? (long)op.Rate : 0;
        return quota.TrySet(op.Key, rate, out var changed) is { } fault ? throw new InvalidRequestException(fault) : changed;
    }
}
