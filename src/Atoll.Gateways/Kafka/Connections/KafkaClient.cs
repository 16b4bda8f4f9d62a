using System.Net;
using Atoll.Gateways.Kafka.Quotas;
using Atoll.Gateways.Security.Scram;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>How a client shows who it is, and how far it has come.</summary>
/// <param name="IsBare">Whether its messages have no heads.</param>
/// <param name="Mechanism">The mechanism of SCRAM; null for PLAIN.</param>
/// <param name="Challenge">What it was challenged with; null before.</param>
internal sealed record KafkaLogin(bool IsBare, ScramMechanism? Mechanism, ScramChallenge? Challenge);

/// <summary>What is known of the client of a connection.</summary>
/// <param name="address">Where it is.</param>
/// <param name="gone">Cancelled when it has gone.</param>
/// <param name="name">What it calls itself, as far as that is known.</param>
public sealed class KafkaClient(IPAddress address, CancellationToken gone, string name = "")
{
    private long _mutedUntil;

    /// <summary>Where it is.</summary>
    public IPAddress Address => address;

    /// <summary>Cancelled when it has gone.</summary>
    public CancellationToken Gone => gone;

    /// <summary>Whether it has shown who it is.</summary>
    public bool IsAuthenticated { get; internal set; }

    /// <summary>Who it has shown to be; empty before, and where nobody is asked.</summary>
    public string UserName { get; internal set; } = "";

    /// <summary>What is due next, when it shows who it is; null: nothing, it has not begun, or it has ended.</summary>
    internal KafkaLogin? Login { get; set; }

    /// <summary>Ends when all that was to be appended for it has been sent to the partitions, in the order of its requests.</summary>
    internal Task Appending { get; set; } = Task.CompletedTask;

    /// <summary>What is under way of it to each partition.</summary>
    internal AppendOrder Appends { get; } = new();

    /// <summary>
    /// Whether it can read fields that only some answers have (tagged ones), as those that say who leads a partition. Nobody is taken to
    /// before they said on this connection which client they are.
    /// </summary>
    public bool ReadsOptionalFields { get; internal set; }

    /// <summary>What it calls itself: as the last request said.</summary>
    public string Name { get; internal set; } = name;

    /// <summary>Until when nothing more is read from it, by the timestamps of the gateway's clock; 0: it never was held back.</summary>
    public long MutedUntil => Volatile.Read(ref _mutedUntil);

    /// <summary>The paces that its quotas are kept by; null before it had any.</summary>
    internal ClientPace? Pace { get; set; }

    /// <summary>Nothing more is read from it until then, or until a later time that was said before. Thread-safe.</summary>
    internal void MuteUntil(long timestamp)
    {
        for (var known = MutedUntil; known < timestamp;)
        {
            var found = Interlocked.CompareExchange(ref _mutedUntil, timestamp, known);
            known = found == known ? timestamp : found;
        }
    }
}
