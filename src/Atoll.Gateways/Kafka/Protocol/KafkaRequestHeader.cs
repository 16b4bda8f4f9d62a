namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>What is before every request's body.</summary>
/// <param name="ApiKey">Which call; not one that the schema must know.</param>
/// <param name="Version">In which version.</param>
/// <param name="CorrelationId">Chosen by the client; the response has it.</param>
/// <param name="ClientId">What the client calls itself; null when it does not say.</param>
public readonly record struct KafkaRequestHeader(short ApiKey, short Version, int CorrelationId, string? ClientId)
{
    /// <summary>
    /// Reads a header. Of a call or version that is not in the schema, nothing behind the correlation's number is read: its form is not
    /// known.
    /// </summary>
    public static KafkaRequestHeader Read(ref KafkaReader reader)
    {
        var header = new KafkaRequestHeader(reader.ReadInt16(), reader.ReadInt16(), reader.ReadInt32(), null);
        if (!reader.Ok || KafkaApiDefinition.Find(header.ApiKey) is not { } api || !api.Has(header.Version))
        {
            return header;
        }

        // The client's name keeps its old form in headers with tagged fields.
        header = header with { ClientId = reader.ReadNullableString(flexible: false, mayBeNull: true) };
        if (api.IsFlexible(header.Version))
        {
            reader.SkipTags();
        }

        return header;
    }

    /// <summary>Writes a header of a call and version that the schema has.</summary>
    public void Write(KafkaWriter writer)
    {
        writer.WriteInt16(ApiKey);
        writer.WriteInt16(Version);
        writer.WriteInt32(CorrelationId);
        writer.WriteNullableString(ClientId, flexible: false, mayBeNull: true);
        if (KafkaApiDefinition.Find(ApiKey)?.IsFlexible(Version) ?? false)
        {
            writer.WriteTagCount(0);
        }
    }
}
