using System.Collections.Immutable;
using System.Text.Json;

namespace Atoll.Services.Streams.Quotas;

/// <summary>
/// The quotas of all clients, by what these call themselves. Immutable; kept in the directory as a JSON object: "Default" and "Clients".
/// </summary>
public sealed class ClientQuotas
{
    /// <summary>Clients that can have quotas of their own: all quotas are one document of the directory.</summary>
    public const int ClientsMax = 1_000;

    /// <summary>Characters of a client's id that can have quotas of its own.</summary>
    public const int ClientIdLengthMax = 255;

    /// <summary>No quotas.</summary>
    public static readonly ClientQuotas Empty =
        new(ClientQuota.None, ImmutableSortedDictionary.Create<string, ClientQuota>(StringComparer.Ordinal));

    private ClientQuotas(ClientQuota otherwise, ImmutableSortedDictionary<string, ClientQuota> clients) =>
        (Default, Clients) = (otherwise, clients);

    /// <summary>The quotas of clients for as far as they have none of their own.</summary>
    public ClientQuota Default { get; }

    /// <summary>The quotas of clients of their own, by their ids; none of them is empty.</summary>
    public ImmutableSortedDictionary<string, ClientQuota> Clients { get; }

    /// <summary>Whether nobody is bounded.</summary>
    public bool IsEmpty => Default.IsNone && Clients.IsEmpty;

    /// <summary>What holds for a client: its own quotas, and of the default those that it has none of.</summary>
    public ClientQuota Of(string clientId) => Clients.TryGetValue(clientId, out var own) ? own.Else(Default) : Default;

    /// <summary>What was set for a client, or by null for all others.</summary>
    public ClientQuota SetFor(string? clientId) => clientId is null ? Default : Clients.GetValueOrDefault(clientId, ClientQuota.None);

    /// <summary>With the quotas of a client, or by null of all others, in place of those from before.</summary>
    public ClientQuotas With(string? clientId, ClientQuota quota) =>
        clientId is null ? new ClientQuotas(quota, Clients)
        : new ClientQuotas(Default, quota.IsNone ? Clients.Remove(clientId) : Clients.SetItem(clientId, quota));

    /// <summary>Why these cannot be kept, in a sentence for people; null when they can.</summary>
    public string? Fault() =>
        Clients.Count > ClientsMax ? $"at most {ClientsMax} clients have quotas of their own"
        : Clients.Keys.Any(static id => id.Length > ClientIdLengthMax) ? $"a client's id has at most {ClientIdLengthMax} characters here"
        : null;

    /// <summary>As they are kept in the directory.</summary>
    public byte[] ToDocument() => JsonSerializer.SerializeToUtf8Bytes(new Document(
        Default.Chosen,
        Clients.ToDictionary(static pair => pair.Key, static pair => (IReadOnlyDictionary<string, long>)pair.Value.Chosen)));

    /// <summary>Reads what is kept in the directory. What this version does not know, or not take, is left out.</summary>
    public static ClientQuotas OfDocument(ReadOnlySpan<byte> document)
    {
        try
        {
            var read = JsonSerializer.Deserialize<Document>(document);
            return new ClientQuotas(
                QuotaOf(read?.Default),
                (read?.Clients ?? new Dictionary<string, IReadOnlyDictionary<string, long>>()).Aggregate(
                    Empty, static (all, pair) => all.With(pair.Key, QuotaOf(pair.Value))).Clients);
        }
        catch (JsonException)
        {
            return Empty;
        }
    }

    private static ClientQuota QuotaOf(IReadOnlyDictionary<string, long>? chosen)
    {
        var quota = ClientQuota.None;
        foreach (var (name, rate) in chosen ?? new Dictionary<string, long>())
        {
            _ = quota.TrySet(name, rate, out quota);
        }

        return quota;
    }

    private sealed record Document(
        IReadOnlyDictionary<string, long>? Default, IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? Clients);
}
