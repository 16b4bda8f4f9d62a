using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>ApiVersions: which calls there are, in which versions.</summary>
internal sealed class VersionRequests
{
    // It takes the number of tagged fields for their length, and loses its place in an answer that has any.
    private const string CannotReadOptionalFields = "platformatic-kafka";

    private readonly ApiVersionsResponse _answer;

    public VersionRequests(IEnumerable<KafkaHandler> others)
    {
        Handler = KafkaHandler.Of<ApiVersionsRequest>(KafkaApi.ApiVersions, Answer);
        _answer = new ApiVersionsResponse
        {
            ApiKeys = [.. others.Append(Handler).OrderBy(static handler => handler.Api).Select(Describe)],
        };
    }

    /// <summary>Its own handler.</summary>
    public KafkaHandler Handler { get; }

    /// <summary>
    /// The answer to a version that is not there, written in version 0: which versions of this call there are, so that the client asks
    /// again.
    /// </summary>
    public static ApiVersionsResponse Unsupported(KafkaHandler handler) => new()
    {
        Error = KafkaError.UnsupportedVersion, ApiKeys = [Describe(handler)],
    };

    private ValueTask<IKafkaMessage?> Answer(KafkaExchange exchange, ApiVersionsRequest request)
    {
        exchange.Client.ReadsOptionalFields = request.ClientSoftwareName != CannotReadOptionalFields;
        return new(_answer);
    }

    private static ApiVersionsResponse.Api Describe(KafkaHandler handler) => new()
    {
        ApiKey = (short)handler.Api, MinVersion = (short)handler.VersionMin, MaxVersion = (short)handler.VersionMax,
    };
}
