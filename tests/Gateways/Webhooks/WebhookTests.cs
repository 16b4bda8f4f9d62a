using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Atoll.Client.Hosting;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Webhooks;

/// <summary>Topics pushed to a URL: a real node, and real receivers that are well, slow, broken for a while, or gone.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private const string Quickly = "\"firstDelayMs\":10,\"longestDelayMs\":20";

    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-webhooks-").FullName;
    private NodeHost _node = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        var native = $"127.0.0.1:{FreePort.Next()}";
        var web = new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        _node = await NodeHost.StartAsync(
            new NodeHostOptions
            {
                Node = new EmbeddedNodeOptions
                {
                    DataFolder = _folder, PeerListen = $"127.0.0.1:{FreePort.Next()}", ClientAddress = native, Name = "a", Bootstrap = true,
                },
                NativeEndPoint = IPEndPoint.Parse(native),
                HttpEndPoint = web,
            },
            NullLoggerFactory.Instance, default);
        _http = new HttpClient { BaseAddress = new Uri($"http://{web}") };
        await PutAsync("/v1/topics/t", """{"partitions":2}""");
        await PutAsync("/v1/topics/dead", "");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Records_arrive_in_order_signed_and_in_bounded_deliveries()
    {
        await AppendAsync(0, "before");
        await using var receiver = await Receiver.StartAsync(static _ => 204);
        var created = await PutAsync(
            "/v1/subscriptions/s", $$"""{"topic":"t","url":"{{receiver.Url}}/in","from":"latest","recordsMax":2}""");
        var secret = created.GetProperty("secret").GetString()!;
        await AppendAsync(0, "a", "b", "c");
        var (first, second) = (await receiver.NextAsync(), await receiver.NextAsync());
        Assert.Equal(["a", "b"], first.Values);
        Assert.Equal(["c"], second.Values);
        Assert.Equal(("/in", "s", 1, 0), (first.Path, first.Headers["Atoll-Subscription"], first.Attempt, first.Partition));
        Assert.NotEqual(first.Headers["Atoll-Delivery"], second.Headers["Atoll-Delivery"]);
        byte[] signed = [.. Encoding.UTF8.GetBytes(first.Headers["Atoll-Timestamp"] + "."), .. first.Body];
        Assert.Equal(
            "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed)),
            first.Headers["Atoll-Signature"]);

        var listed = await _http.GetStringAsync("/v1/subscriptions");
        Assert.Contains("\"name\":\"s\"", listed, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, listed + await _http.GetStringAsync("/v1/subscriptions/s"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, (await _http.DeleteAsync("/v1/subscriptions/s")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _http.DeleteAsync("/v1/subscriptions/s")).StatusCode);
    }

    [Fact]
    public async Task A_receiver_that_is_broken_or_slow_for_a_while_gets_everything_in_order()
    {
        await using var receiver = await Receiver.StartAsync(async (delivery, context) =>
        {
            if (delivery.Attempt == 3)
            {
                // Until who waits for the answer has enough of it.
                await Assert.ThrowsAnyAsync<OperationCanceledException>(
                    () => new TaskCompletionSource().Task.WaitAsync(context.RequestAborted));
            }

            context.Response.StatusCode = delivery.Attempt switch { 1 => 500, 2 => 429, 4 => 408, _ => 200 };
        });
        await PutAsync("/v1/subscriptions/s", $$"""{"topic":"t","url":"{{receiver.Url}}","timeoutMs":500,"recordsMax":1,{{Quickly}}}""");
        await AppendAsync(1, "a", "b", "end");
        var deliveries = new List<Delivery>();
        while (deliveries.Count == 0 || deliveries[^1].Values[0] != "end")
        {
            deliveries.Add(await receiver.NextAsync());
        }

        // None before the one in front of it was taken; a machine that is busy may need more attempts than these.
        var attempts = deliveries.Select(static delivery => (Value: Assert.Single(delivery.Values), delivery.Attempt)).ToList();
        Assert.Equal(["a", "b", "end"], attempts.Select(static attempt => attempt.Value).Distinct());
        Assert.Equal(attempts.OrderBy(static attempt => (attempt.Value == "end", attempt.Value, attempt.Attempt)), attempts);
        foreach (var value in new[] { "a", "b" })
        {
            var own = attempts.Where(attempt => attempt.Value == value).Select(static attempt => attempt.Attempt).ToList();
            Assert.Equal(Enumerable.Range(1, own.Count), own);
            Assert.True(own.Count >= 5);
        }
    }

    [Fact]
    public async Task A_record_that_is_refused_for_good_becomes_a_dead_letter_and_the_others_arrive()
    {
        await using var elsewhere = await Receiver.StartAsync(static _ => 200);
        await using var receiver = await Receiver.StartAsync((delivery, context) =>
        {
            context.Response.Headers.Location = elsewhere.Url;
            context.Response.StatusCode = delivery.Values.Contains("bad") ? 422 : delivery.Values.Contains("moved") ? 307 : 200;
            return Task.CompletedTask;
        });
        await PutAsync(
            "/v1/subscriptions/s", $$"""{"topic":"t","url":"{{receiver.Url}}","deadLetters":"dead","recordsMax":4,{{Quickly}}}""");
        await AppendAsync(0, "a", "bad", "moved", "b", "c");
        string[][] expected = [["a", "bad", "moved", "b"], ["a"], ["bad"], ["moved"], ["b"], ["c"]];
        foreach (var values in expected)
        {
            Assert.Equal(values, (await receiver.NextAsync()).Values);
        }

        var letters = await DeadLettersAsync();
        Assert.Equal(["bad", "moved"], letters.Select(static letter => letter.Value));
        Assert.Equal(("s", "t", "0", "1"), letters[0].Of("atoll-subscription", "atoll-topic", "atoll-partition", "atoll-offset"));
        Assert.StartsWith("the receiver answered 422", letters[0].Headers["atoll-reason"], StringComparison.Ordinal);
        Assert.StartsWith("the receiver answered 307", letters[1].Headers["atoll-reason"], StringComparison.Ordinal);
        Assert.Equal("1", letters[1].Headers["atoll-attempts"]);
    }

    [Fact]
    public async Task What_a_receiver_that_is_gone_never_took_becomes_dead_letters_after_so_many_attempts()
    {
        await AppendAsync(0, "a", "b");
        await PutAsync(
            "/v1/subscriptions/s",
            $$"""{"topic":"t","url":"http://127.0.0.1:{{FreePort.Next()}}","deadLetters":"dead","attemptsMax":3,{{Quickly}}}""");
        using var events = await Http.EventLines.OpenAsync(_http, "/v1/topics/dead/events?from=earliest");
        Assert.Equal("a", await events.NextValueAsync());
        Assert.Equal("b", await events.NextValueAsync());
        var letters = await DeadLettersAsync();
        Assert.All(letters, static letter => Assert.Equal("3", letter.Headers["atoll-attempts"]));
    }

    [Theory]
    [InlineData("""{"url":"http://127.0.0.1"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"topic":"t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"ftp://127.0.0.1"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"file:///etc"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"/in"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://a:b@127.0.0.1"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","from":"here"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","secret":"short"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","deadLetters":"t"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","deadLetters":"none"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","attemptsMax":0}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","firstDelayMs":9,"longestDelayMs":8}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"topic":"t","url":"http://127.0.0.1","unknown":1}""", HttpStatusCode.BadRequest)]
    public async Task What_can_be_no_subscription_is_refused(string body, HttpStatusCode status)
    {
        var response = await _http.PutAsync("/v1/subscriptions/s", new StringContent(body));
        Assert.True(status == response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private async Task<JsonElement> PutAsync(string target, string body)
    {
        var response = await _http.PutAsync(target, new StringContent(body));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private async Task AppendAsync(int partition, params string[] values)
    {
        var records = values.Select(value => $$"""{"partition":{{partition}},"value":"{{value}}"}""");
        var body = $$"""{"records":[{{string.Join(',', records)}}]}""";
        Assert.Equal(HttpStatusCode.OK, (await _http.PostAsync("/v1/topics/t/records", new StringContent(body))).StatusCode);
    }

    private async Task<List<DeadLetter>> DeadLettersAsync() =>
    [
        .. (await _http.GetStringAsync("/v1/topics/dead/records")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line =>
        {
            var record = JsonDocument.Parse(line).RootElement;
            return new DeadLetter(
                record.GetProperty("value").GetString()!,
                record.GetProperty("headers").EnumerateArray().ToDictionary(
                    static header => header.GetProperty("name").GetString()!, static header => header.GetProperty("value").GetString()!));
        }),
    ];

    private sealed record DeadLetter(string Value, Dictionary<string, string> Headers)
    {
        public (string, string, string, string) Of(string a, string b, string c, string d) =>
            (Headers[a], Headers[b], Headers[c], Headers[d]);
    }
}
