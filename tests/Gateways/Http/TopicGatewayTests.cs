using System.Net;
using System.Text;
using System.Text.Json;
using Atoll.Gateways.Tests.Fakes;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

/// <summary>Topics and their records over HTTP, over real sockets and the real state machines.</summary>
public sealed class TopicGatewayTests : IAsyncLifetime
{
    private HttpHost _host = null!;

    private HttpClient Http => _host.Http;

    public async ValueTask InitializeAsync() => _host = await HttpHost.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_topic_is_created_described_changed_and_deleted()
    {
        const string Options = """{"partitions":2,"replicas":3,"settings":{"retention.ms":"60000"}}""";
        var created = await OkAsync(Http.PutAsync("/v1/topics/t", Body(Options)));
        Assert.Equal((2, 3), (created.GetProperty("partitionCount").GetInt32(), created.GetProperty("replicas").GetInt32()));
        await OkAsync(Http.PutAsync("/v1/topics/t", Body(Options)));
        await ProblemAsync(Http.PutAsync("/v1/topics/t", Body("""{"partitions":3}""")), HttpStatusCode.Conflict, "spaceExists");
        await ProblemAsync(Http.PutAsync("/v1/topics/u", Body("""{"partition":3}""")), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(Http.PutAsync("/v1/topics/t%20u", Body("")), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(
            Http.PutAsync("/v1/topics/u", Body("""{"replication":"eventual"}""")), HttpStatusCode.NotImplemented, "unsupported");

        var changed = await OkAsync(Http.PatchAsync(
            "/v1/topics/t", Body("""{"settings":{"retention.ms":null,"retention.bytes":"5000"}}""")));
        Assert.Equal("5000", changed.GetProperty("settings").GetProperty("retention.bytes").GetString());
        Assert.Equal("604800000", changed.GetProperty("settings").GetProperty("retention.ms").GetString());
        await ProblemAsync(
            Http.PatchAsync("/v1/topics/t", Body("""{"settings":{"no.such":"1"}}""")), HttpStatusCode.BadRequest, "invalid");

        for (var time = 0; time < 2; time++)
        {
            var grown = await OkAsync(Http.PatchAsync("/v1/topics/t", Body("""{"partitions":4}""")));
            Assert.Equal(4, grown.GetProperty("partitionCount").GetInt32());
            Assert.Equal("5000", grown.GetProperty("settings").GetProperty("retention.bytes").GetString());
        }

        await ProblemAsync(Http.PatchAsync("/v1/topics/t", Body("""{"partitions":3}""")), HttpStatusCode.BadRequest, "invalid");
        var described = await OkAsync(Http.GetAsync("/v1/topics/t"));
        Assert.Equal(4, described.GetProperty("partitions").GetArrayLength());
        Assert.Equal(0, described.GetProperty("partitions")[1].GetProperty("nextOffset").GetInt64());
        Assert.Equal("t", (await OkAsync(Http.GetAsync("/v1/topics"))).GetProperty("topics")[0].GetProperty("name").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await Http.DeleteAsync("/v1/topics/t")).StatusCode);
        await ProblemAsync(Http.DeleteAsync("/v1/topics/t"), HttpStatusCode.NotFound, "unknownSpace");
        await ProblemAsync(Http.GetAsync("/v1/topics/t/records"), HttpStatusCode.NotFound, "unknownSpace");
    }

    [Fact]
    public async Task A_topic_lives_in_the_regions_that_were_said()
    {
        const string Options = """{"partitions":2,"regions":{"datacenter1":3},"allowedRegions":["datacenter1"]}""";
        for (var time = 0; time < 2; time++)
        {
            var created = await OkAsync(Http.PutAsync("/v1/topics/t", Body(Options)));
            Assert.Equal((3, 3), (
                created.GetProperty("replicas").GetInt32(), created.GetProperty("regions").GetProperty("datacenter1").GetInt32()));
            Assert.Equal("datacenter1", Assert.Single(created.GetProperty("allowedRegions").EnumerateArray()).GetString());
        }

        await ProblemAsync(Http.PutAsync("/v1/topics/t", Body("""{"partitions":2}""")), HttpStatusCode.Conflict, "spaceExists");
        await ProblemAsync(Http.PutAsync("/v1/topics/u", Body("""{"regions":{"mars":3}}""")), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(Http.PutAsync("/v1/topics/u", Body("""{"allowedRegions":[null]}""")), HttpStatusCode.BadRequest, "invalid");
        const string TooMany = """{"regions":{"mars":2147483647,"moon":2147483647}}""";
        await ProblemAsync(Http.PutAsync("/v1/topics/u", Body(TooMany)), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(Http.PutAsync("/v1/spaces/u", Body(TooMany)), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(
            Http.PutAsync("/v1/topics/u", Body("""{"allowedRegions":["mars"]}""")), HttpStatusCode.BadRequest, "invalid");
        Assert.Equal(4, (await OkAsync(Http.PatchAsync("/v1/topics/t", Body("""{"partitions":4}"""))))
            .GetProperty("partitionCount").GetInt32());
    }

    [Fact]
    public async Task A_topic_that_is_compacted_by_key_takes_no_record_without_one()
    {
        var created = await OkAsync(Http.PutAsync("/v1/topics/t", Body("""{"settings":{"cleanup.policy":"compact"}}""")));
        Assert.Equal("compact", created.GetProperty("settings").GetProperty("cleanup.policy").GetString());
        await ProblemAsync(
            Http.PostAsync("/v1/topics/t/records", Body("""{"records":[{"key":"k","value":"v"},{"value":"v"}]}""")),
            HttpStatusCode.BadRequest, "invalid");
        await OkAsync(Http.PostAsync("/v1/topics/t/records", Body("""{"records":[{"key":"k","value":null}]}""")));
        await ProblemAsync(
            Http.PatchAsync("/v1/topics/t", Body("""{"settings":{"min.compaction.lag.ms":"2","max.compaction.lag.ms":"1"}}""")),
            HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Records_of_any_bytes_are_appended_and_read()
    {
        await OkAsync(Http.PutAsync("/v1/topics/t", Body("""{"partitions":2}""")));
        var appended = await OkAsync(Http.PostAsync("/v1/topics/t/records", Body(
            """
            {"records":[
              {"partition":1,"key":"k","value":"ü","timestamp":5,"headers":[{"name":"h","valueBase64":"AP8="},{"name":"empty"}]},
              {"partition":1,"keyBase64":"/w==","valueBase64":"AAE="},
              {"partition":0,"key":"gone","value":null}]}
            """)));
        Assert.Equal(
            ["1:0", "1:1", "0:0"],
            appended.GetProperty("records").EnumerateArray()
                .Select(static record => $"{Number(record, "partition")}:{Number(record, "offset")}"));

        var read = await ReadAsync("");
        Assert.True(read[0].GetProperty("tombstone").GetBoolean());
        Assert.Equal((0, "gone"), (Number(read[0], "partition"), Text(read[0], "key")));
        Assert.Equal(("k", "ü", 5), (Text(read[1], "key"), Text(read[1], "value"), Number(read[1], "timestamp")));
        Assert.Equal("AP8=", read[1].GetProperty("headers")[0].GetProperty("valueBase64").GetString());
        Assert.Equal("empty", read[1].GetProperty("headers")[1].GetProperty("name").GetString());
        Assert.Equal(("/w==", "\0\u0001"), (Text(read[2], "keyBase64"), Text(read[2], "value")));

        Assert.Equal(1, Number(Assert.Single(await ReadAsync("?partition=1&from=1")), "offset"));
        Assert.Equal("gone", Text(Assert.Single(await ReadAsync("?limit=1")), "key"));
        Assert.Equal(2, (await ReadAsync("?from=time=6")).Count);
        Assert.Empty(await ReadAsync("?from=latest"));
        await ProblemAsync(Http.GetAsync("/v1/topics/t/records?partition=2"), HttpStatusCode.BadRequest, "invalid");
        await ProblemAsync(Http.GetAsync("/v1/topics/t/records?from=here"), HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task Records_that_are_sent_again_with_their_idempotency_key_are_there_once()
    {
        await OkAsync(Http.PutAsync("/v1/topics/t", Body("""{"partitions":3}""")));
        var first = await OkAsync(SendAsync("a"));
        var again = await OkAsync(SendAsync("a"));
        Assert.Equal(first.ToString(), again.ToString());
        await OkAsync(SendAsync("b"));
        Assert.Equal(6, (await ReadAsync("")).Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"records":[]}""")]
    [InlineData("""{"records":[5]}""")]
    [InlineData("""{"records":[{"value":5}]}""")]
    [InlineData("""{"records":[{"value":"a","valueBase64":"AA=="}]}""")]
    [InlineData("""{"records":[{"valueBase64":"%"}]}""")]
    [InlineData("""{"records":[{"value":"\ud800"}]}""")]
    [InlineData("""{"records":[{"partition":7}]}""")]
    [InlineData("""{"records":[{"partition":"0"}]}""")]
    [InlineData("""{"records":[{"timestamp":-1}]}""")]
    [InlineData("""{"records":[{"headers":[{"value":"a"}]}]}""")]
    [InlineData("""{"records":[{"offset":1}]}""")]
    public async Task A_body_that_is_no_records_is_refused(string body)
    {
        await OkAsync(Http.PutAsync("/v1/topics/t", Body("")));
        await ProblemAsync(Http.PostAsync("/v1/topics/t/records", Body(body)), HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task A_batch_that_the_topic_does_not_take_is_refused_as_too_large()
    {
        await OkAsync(Http.PutAsync("/v1/topics/t", Body("""{"settings":{"max.message.bytes":"200"}}""")));
        var body = $$"""{"records":[{"value":"{{new string('x', 200)}}"}]}""";
        await ProblemAsync(Http.PostAsync("/v1/topics/t/records", Body(body)), HttpStatusCode.RequestEntityTooLarge, "tooLarge");
    }

    private static StringContent Body(string text) => new(text, Encoding.UTF8);

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64();

    private static async Task<JsonElement> OkAsync(Task<HttpResponseMessage> sent)
    {
        var response = await sent;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task ProblemAsync(Task<HttpResponseMessage> sent, HttpStatusCode status, string code)
    {
        var response = await sent;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        Assert.Equal(code, JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
    }

    private async Task<HttpResponseMessage> SendAsync(string idempotencyKey)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/topics/t/records")
        {
            Content = Body("""{"records":[{"value":"1"},{"key":"a","value":"2"},{"value":"3"}]}"""),
        };
        request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await Http.SendAsync(request);
    }

    private async Task<List<JsonElement>> ReadAsync(string query) =>
    [
        .. (await Http.GetStringAsync($"/v1/topics/t/records{query}")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => JsonDocument.Parse(line).RootElement),
    ];
}
