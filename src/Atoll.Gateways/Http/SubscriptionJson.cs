using System.Text.Json;
using Atoll.Services.Streams.Subscriptions;

namespace Atoll.Gateways.Http;

/// <summary>Subscriptions as members of a JSON object that the caller begins and ends.</summary>
public static class SubscriptionJson
{
    /// <summary>A subscription; its secret is only told to who has just created it.</summary>
    public static void Write(Utf8JsonWriter writer, Subscription subscription, bool withSecret)
    {
        writer.WriteString("name", subscription.Name);
        writer.WriteString("topic", subscription.Topic);
        writer.WriteString("url", subscription.Url);
        writer.WriteString("from", subscription.From);
        writer.WriteString("group", subscription.Group);
        if (subscription.DeadLetters is { } dead)
        {
            writer.WriteString("deadLetters", dead);
        }

        writer.WriteNumber("attemptsMax", subscription.AttemptsMax);
        writer.WriteNumber("firstDelayMs", subscription.FirstDelayMs);
        writer.WriteNumber("longestDelayMs", subscription.LongestDelayMs);
        writer.WriteNumber("timeoutMs", subscription.TimeoutMs);
        writer.WriteNumber("recordsMax", subscription.RecordsMax);
        writer.WriteNumber("bytesMax", subscription.BytesMax);
        if (withSecret)
        {
            writer.WriteString("secret", subscription.Secret);
        }
    }
}
