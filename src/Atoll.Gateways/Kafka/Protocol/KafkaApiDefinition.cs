namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>What the schema says of a call.</summary>
/// <param name="Api">The call.</param>
/// <param name="VersionMin">The first version that can be read and written.</param>
/// <param name="VersionMax">The last one.</param>
/// <param name="FlexibleFrom">The first version with compact lengths and tagged fields; <see cref="int.MaxValue"/>: none.</param>
/// <param name="NewRequest">A request with everything at its default.</param>
/// <param name="NewResponse">A response with everything at its default.</param>
public sealed record KafkaApiDefinition(
    KafkaApi Api, int VersionMin, int VersionMax, int FlexibleFrom, Func<IKafkaMessage> NewRequest, Func<IKafkaMessage> NewResponse)
{
    /// <summary>The call of a number; null when the schema has none.</summary>
    public static KafkaApiDefinition? Find(short key) => ByKey.GetValueOrDefault(key);

    private static readonly Dictionary<short, KafkaApiDefinition> ByKey = KafkaApis.All.ToDictionary(definition => (short)definition.Api);

    /// <summary>Whether the schema has a version.</summary>
    public bool Has(int version) => version >= VersionMin && version <= VersionMax;

    /// <summary>Whether a version has compact lengths and tagged fields; so has the header of its request, then.</summary>
    public bool IsFlexible(int version) => version >= FlexibleFrom;

    /// <summary>
    /// Whether the header of a version's response has tagged fields. That of ApiVersions never has: the client does not know yet which
    /// version the broker answers in.
    /// </summary>
    public bool HasTaggedResponseHeader(int version) => IsFlexible(version) && Api != KafkaApi.ApiVersions;
}
