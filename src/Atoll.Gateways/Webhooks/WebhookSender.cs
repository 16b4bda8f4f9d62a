using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Atoll.Services.Streams.Subscriptions;

namespace Atoll.Gateways.Webhooks;

/// <summary>How a try to deliver ended.</summary>
/// <param name="IsDelivered">Whether the receiver took it.</param>
/// <param name="IsFinal">Whether trying again is of no use.</param>
/// <param name="Reason">Why it did not take it, for people; empty when it did.</param>
/// <param name="RetryAfter">How long the receiver wants to be left alone; null when it does not say.</param>
internal readonly record struct WebhookAnswer(bool IsDelivered, bool IsFinal, string Reason, TimeSpan? RetryAfter);

/// <summary>
/// Posts deliveries: signed, to the URL itself and nowhere that it leads to, and with an end to the wait. Of the answer only status and
/// head are looked at. Thread-safe.
/// </summary>
internal sealed class WebhookSender : IDisposable
{
    private const int ReasonCharactersMax = 500;

    private readonly HttpClient _http;
    private readonly TimeProvider _time;

    public WebhookSender(TimeProvider time)
    {
        _time = time;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2), // a receiver that has moved is found by its name again
            MaxConnectionsPerServer = WebhookDelivery.AtOnceMax,
            MaxResponseHeadersLength = 16,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each post has its own
        };
    }

    /// <summary>The signature of a body.</summary>
    /// <param name="secret">The subscription's secret.</param>
    /// <param name="timestamp">Seconds since 1970, as the header has it.</param>
    /// <param name="body">The body.</param>
    /// <returns>HMAC-SHA-256 of timestamp, a dot, and the body, in hexadecimal digits.</returns>
    public static string Sign(string secret, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.UTF8.GetBytes(timestamp + "."));
        hmac.AppendData(body);
        return Convert.ToHexStringLower(hmac.GetHashAndReset());
    }

    /// <summary>Posts a delivery once.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="delivery">What tells it from others, and is the same when it is tried again.</param>
    /// <param name="attempt">Which try, from 1.</param>
    /// <param name="body">The body.</param>
    /// <param name="cancellation">Gives it up: the receiver may have taken it.</param>
    public async ValueTask<WebhookAnswer> PostAsync(
        Subscription subscription, string delivery, int attempt, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, subscription.Url) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Atoll-Subscription", subscription.Name);
        request.Headers.Add("Atoll-Delivery", delivery);
        request.Headers.Add("Atoll-Attempt", attempt.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("Atoll-Timestamp", timestamp);
        request.Headers.Add("Atoll-Signature", $"sha256={Sign(subscription.Secret, timestamp, body.Span)}");
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(subscription.TimeoutMs), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token)
                .ConfigureAwait(false);
            return Judge(response);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return new WebhookAnswer(false, false, $"no answer within {subscription.TimeoutMs} ms", null);
        }
        catch (HttpRequestException error)
        {
            return new WebhookAnswer(false, false, Cut(error.Message), null);
        }
    }

    public void Dispose() => _http.Dispose();

    private WebhookAnswer Judge(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        var wait = response.Headers.RetryAfter is not { } after ? null
            : after.Delta ?? (after.Date is { } date ? date - _time.GetUtcNow() : (TimeSpan?)null);
        return status is >= 200 and < 300 ? new WebhookAnswer(true, true, "", null)
            : new WebhookAnswer(
                false, status is < 500 and not (408 or 429), Cut($"the receiver answered {status} {response.ReasonPhrase}"), wait);
    }

    private static string Cut(string text) => text.Length <= ReasonCharactersMax ? text : text[..ReasonCharactersMax];
}
