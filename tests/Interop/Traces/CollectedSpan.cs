namespace Atoll.Interop.Tests.Traces;

/// <summary>A span as a collector sees it (opentelemetry/proto/trace/v1/trace.proto).</summary>
/// <param name="Resource">Attributes of the resource that sent it.</param>
/// <param name="Scope">The name of its source.</param>
/// <param name="Trace">Its trace's id, in hexadecimal.</param>
/// <param name="Id">Its own.</param>
/// <param name="Parent">Its parent's; empty for none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">2: server, 3: client.</param>
/// <param name="Attributes">Its attributes.</param>
internal sealed record CollectedSpan(
    IReadOnlyDictionary<string, string> Resource,
    string Scope,
    string Trace,
    string Id,
    string Parent,
    string Name,
    ulong Kind,
    IReadOnlyDictionary<string, string> Attributes)
{
    public const ulong Server = 2;
    public const ulong Client = 3;

    /// <summary>Reads an ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1/trace_service.proto).</summary>
    public static IEnumerable<CollectedSpan> Read(ReadOnlyMemory<byte> request)
    {
        foreach (var resourceSpans in ProtobufFields.All(request, 1))
        {
            var resource = ProtobufFields.All(resourceSpans.Bytes, 1).SelectMany(field => ProtobufFields.All(field.Bytes, 1)).ToList();
            foreach (var scopeSpans in ProtobufFields.All(resourceSpans.Bytes, 2))
            {
                var scope = ProtobufFields.All(scopeSpans.Bytes, 1).SelectMany(field => ProtobufFields.All(field.Bytes, 1)).Single().Text;
                foreach (var span in ProtobufFields.All(scopeSpans.Bytes, 2))
                {
                    var fields = ProtobufFields.Read(span.Bytes);
                    yield return new CollectedSpan(
                        ReadAttributes(resource),
                        scope,
                        fields.Single(field => field.Number == 1).Hex,
                        fields.Single(field => field.Number == 2).Hex,
                        fields.SingleOrDefault(field => field.Number == 4).Hex,
                        fields.Single(field => field.Number == 5).Text,
                        fields.Single(field => field.Number == 6).Value,
                        ReadAttributes(fields.Where(field => field.Number == 9)));
                }
            }
        }
    }

    // KeyValue { key = 1, value = 2 }, AnyValue { string_value = 1, bool_value = 2, int_value = 3, .. }
    private static Dictionary<string, string> ReadAttributes(IEnumerable<ProtobufField> keyValues) => keyValues.ToDictionary(
        pair => ProtobufFields.All(pair.Bytes, 1).Single().Text,
        pair => ProtobufFields.All(pair.Bytes, 2).SelectMany(value => ProtobufFields.Read(value.Bytes))
            .Select(value => value.Number == 1 ? value.Text : $"{value.Value}").Single());
}
