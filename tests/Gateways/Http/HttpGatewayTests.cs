using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Atoll.Foundation.Time;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

/// <summary>HTTP as curl would use it, over real sockets and the real state machines.</summary>
public sealed class HttpGatewayTests : IAsyncLifetime
{
    private HttpHost _host = null!;

    private HttpClient Http => _host.Http;

    public async ValueTask InitializeAsync()
    {
        _host = await HttpHost.StartAsync();
        await _host.Client.Spaces.CreateAsync(new SpaceOptions("s"));
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData("records/simple")]
    [InlineData("records/with/slashes")]
    [InlineData("records/%2e%2e%2f..%2F.")]
    [InlineData("records/bl%20ank+plus")]
    [InlineData("records/%ff%fe")]
    [InlineData("record?key=%00%ff/..")]
    [InlineData("record?key=bl+ank")]
    public async Task Any_key_can_be_written_read_and_deleted(string target)
    {
        var written = await Http.PutAsync($"/v1/spaces/s/{target}", Body("value"));
        Assert.Equal(HttpStatusCode.NoContent, written.StatusCode);
        var read = await Http.GetAsync($"/v1/spaces/s/{target}");
        Assert.Equal("value", await read.Content.ReadAsStringAsync());
        Assert.Equal(written.Headers.ETag, read.Headers.ETag);
        Assert.Equal(HttpStatusCode.NoContent, (await Http.DeleteAsync($"/v1/spaces/s/{target}")).StatusCode);
        await ProblemAsync(await Http.GetAsync($"/v1/spaces/s/{target}"), HttpStatusCode.NotFound, "recordNotFound");
    }

    [Fact]
    public async Task Entity_tags_are_versions_and_conditions_are_compare_and_set()
    {
        var created = await SendAsync(HttpMethod.Put, "1", request => request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Any));
        Assert.Equal(HttpStatusCode.NoContent, created.StatusCode);
        var again = await SendAsync(HttpMethod.Put, "2", request => request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Any));
        var problem = await ProblemAsync(again, HttpStatusCode.PreconditionFailed, "conflict");
        Assert.Equal(created.Headers.ETag!.Tag.Trim('"'), problem.GetProperty("currentVersion").GetString());
        Assert.Equal(created.Headers.ETag, again.Headers.ETag);

        var updated = await SendAsync(HttpMethod.Put, "3", request => request.Headers.IfMatch.Add(created.Headers.ETag));
        Assert.Equal(HttpStatusCode.NoContent, updated.StatusCode);
        var late = await SendAsync(HttpMethod.Delete, "", request => request.Headers.IfMatch.Add(created.Headers.ETag));
        Assert.Equal(HttpStatusCode.PreconditionFailed, late.StatusCode);
        var unchanged = await SendAsync(HttpMethod.Get, null, request => request.Headers.IfNoneMatch.Add(updated.Headers.ETag!));
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
    }

    [Fact]
    public async Task An_idempotency_key_is_one_request_however_often_it_is_sent()
    {
        var first = await SendAsync(HttpMethod.Put, "1", request => request.Headers.Add("Idempotency-Key", "order-1"));
        await SendAsync(HttpMethod.Put, "2", _ => { });
        var again = await SendAsync(HttpMethod.Put, "1", request => request.Headers.Add("Idempotency-Key", "order-1"));
        Assert.Equal(first.Headers.ETag, again.Headers.ETag);
        Assert.Equal("2", await Http.GetStringAsync("/v1/spaces/s/records/k"));
    }

    [Fact]
    public async Task A_time_to_live_is_taken_from_header_or_query()
    {
        await SendAsync(HttpMethod.Put, "1", request => request.Headers.Add("Atoll-TTL", "1500ms"));
        var read = await Http.GetAsync("/v1/spaces/s/records/k");
        Assert.True(read.Headers.Contains("Atoll-Expires-At"));
        _host.Port.Now = _host.Port.Now.Add(Duration.FromSeconds(2));
        await Http.PutAsync("/v1/spaces/s/records/other?ttl=1h", Body("x"));
        Assert.Equal(HttpStatusCode.NotFound, (await Http.GetAsync("/v1/spaces/s/records/k")).StatusCode);
    }

    [Fact]
    public async Task A_session_goes_from_answer_to_request()
    {
        var written = await SendAsync(HttpMethod.Put, "1", request => request.Headers.Add("Atoll-Session", "new"));
        var token = written.Headers.GetValues("Atoll-Session").Single();
        await SendAsync(HttpMethod.Get, null, request =>
        {
            request.Headers.Add("Atoll-Session", token);
            request.Headers.Add("Atoll-Read", "session");
        });
        var asked = _host.Port.Requests.Last(request => request.Kind == RequestKind.Read);
        Assert.Equal(ReadLevel.Session, asked.Level);
        Assert.Equal(written.Headers.ETag!.Tag.Trim('"'), $"{asked.MinVersion.Value}");
    }

    [Fact]
    public async Task A_scan_is_a_line_of_json_for_each_record()
    {
        for (var i = 0; i < 5; i++)
        {
            await Http.PutAsync($"/v1/spaces/s/records/k{i}", Body($"v{i}"));
        }

        await Http.PutAsync("/v1/spaces/s/records/k%ff", new ByteArrayContent([0xFE]));
        var page = await Http.GetAsync("/v1/spaces/s/records?prefix=k&limit=3");
        Assert.Equal("application/x-ndjson", page.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["k0", "k1", "k2"], Lines(await page.Content.ReadAsStringAsync()).Select(line => line.GetProperty("key").GetString()));
        var rest = Lines(await Http.GetStringAsync("/v1/spaces/s/records?prefix=k&after=k2"));
        Assert.Equal(["v3", "v4"], rest.Take(2).Select(line => line.GetProperty("value").GetString()));
        Assert.Equal(("a/8=", "/g=="), (rest[2].GetProperty("keyBase64").GetString(), rest[2].GetProperty("valueBase64").GetString()));
        var keys = Lines(await Http.GetStringAsync("/v1/spaces/s/records?reverse&keysOnly=true&to=k2"));
        Assert.Equal(["k1", "k0"], keys.Select(line => line.GetProperty("key").GetString()));
        Assert.False(keys[0].TryGetProperty("value", out _));
    }

    [Fact]
    public async Task A_watch_streams_changes_and_goes_on_behind_a_token()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string token;
        using (var stream = new StreamReader(await Http.GetStreamAsync("/v1/spaces/s/watch?prefix=k", deadline.Token)))
        {
            Assert.Equal("progress", (await LineAsync(stream, deadline.Token)).GetProperty("event").GetString());
            await Http.PutAsync("/v1/spaces/s/records/k1", Body("a"), deadline.Token);
            var change = await LineAsync(stream, deadline.Token);
            Assert.Equal(("put", "k1", "a"), (
                change.GetProperty("event").GetString(), change.GetProperty("key").GetString(), change.GetProperty("value").GetString()));
            token = change.GetProperty("token").GetString()!;
        }

        await Http.PutAsync("/v1/spaces/s/records/k2", Body("b"), deadline.Token);
        await Http.DeleteAsync("/v1/spaces/s/records/k1", deadline.Token);
        using var resumed = new StreamReader(await Http.GetStreamAsync($"/v1/spaces/s/watch?prefix=k&token={token}", deadline.Token));
        await LineAsync(resumed, deadline.Token);
        Assert.Equal("k2", (await LineAsync(resumed, deadline.Token)).GetProperty("key").GetString());
        Assert.Equal("delete", (await LineAsync(resumed, deadline.Token)).GetProperty("event").GetString());
    }

    [Fact]
    public async Task A_batch_happens_as_a_whole_or_says_which_operation_did_not_fit()
    {
        const string Create = """{"operations":[{"op":"put","key":"a","value":"1"},{"op":"check","key":"b","expectedVersion":"0"}]}""";
        var done = await Http.PostAsync("/v1/spaces/s/batch", Body(Create));
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        const string Conflict =
            """{"operations":[{"op":"delete","key":"x"},{"op":"put","key":"a","valueBase64":"AA==","expectedVersion":"0"}]}""";
        var refused = await ProblemAsync(
            await Http.PostAsync("/v1/spaces/s/batch", Body(Conflict)), HttpStatusCode.PreconditionFailed, "conflict");
        Assert.Equal(1, refused.GetProperty("failedOperation").GetInt32());
    }

    public static TheoryData<string, string, string?, int, string> BadInput => new()
    {
        { "GET", "/v1/nothing", null, 404, "noSuchPath" },
        { "POST", "/v1/spaces/s/records/k", "x", 405, "methodNotAllowed" },
        { "GET", "/v1/spaces/nowhere/records/k", null, 404, "unknownSpace" },
        { "GET", "/v1/spaces/nowhere/records", null, 404, "unknownSpace" },
        { "GET", "/v1/spaces/s/record", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/record?key=%f", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records/k?read=sometimes", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records/k?read=bounded", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records/k?read=session", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records?limit=0", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records?limit=-5", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records?limit=99999999999999999999", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records?reverse=maybe", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/records?prefix=%zz", null, 400, "invalid" },
        { "GET", "/v1/spaces/s/watch?token=nonsense!", null, 400, "invalid" },
        { "PUT", "/v1/spaces/s/records/k?ttl=soon", "x", 400, "invalid" },
        { "PUT", "/v1/spaces/s/records/k?ttl=-1s", "x", 400, "invalid" },
        { "PUT", "/v1/spaces/s/records/k?ttl=1000000000d", "x", 400, "invalid" },
        { "PUT", "/v1/spaces/s/records/k?timeout=0s", "x", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", "{", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", "[]", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[]}""", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[{"op":"increment","key":"a"}]}""", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[{"op":"put","key":"a","keyBase64":"YQ==","value":"1"}]}""", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[{"op":"put","key":"","value":"1"}]}""", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[{"op":"check","key":"a"}]}""", 400, "invalid" },
        { "POST", "/v1/spaces/s/batch", """{"operations":[{"op":"delete","key":"a","expectedVersion":"new"}]}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"replicas":4}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"replicas":5}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"replicas":"three"}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"copies":3}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"replication":"hopeful"}""", 400, "invalid" },
        { "PUT", "/v1/spaces/b", """{"replication":"byzantine"}""", 501, "unsupported" },
        { "PUT", "/v1/spaces/s", """{"shards":9}""", 409, "spaceExists" },
        { "DELETE", "/v1/spaces/nowhere", null, 404, "unknownSpace" },
        { "GET", "/v1/spaces/nowhere", null, 404, "unknownSpace" },
        { "PUT", "/v1/cluster/shards/one/leader", """{"node":1}""", 400, "invalid" },
        { "PUT", "/v1/cluster/shards/999/leader", """{"node":1}""", 404, "notFound" },
        { "PUT", "/v1/cluster/shards/2/leader", """{"node":77}""", 400, "invalid" },
        { "PUT", "/v1/cluster/shards/2/leader", "", 400, "invalid" },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gets_a_problem_with_a_code(string method, string target, string? body, int status, string code)
    {
        // As it stands there: the client would put bad percent signs right.
        var uri = new Uri(Http.BaseAddress + target[1..], new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(new HttpMethod(method), uri) { Content = body is null ? null : Body(body) };
        var problem = await ProblemAsync(await Http.SendAsync(request), (HttpStatusCode)status, code);
        Assert.False(problem.GetProperty("retryable").GetBoolean());
    }

    [Theory]
    [InlineData("If-Match", "*")]
    [InlineData("If-Match", "W/\"1\"")]
    [InlineData("If-Match", "\"1\", \"2\"")]
    [InlineData("If-Match", "\"0\"")]
    [InlineData("If-None-Match", "\"1\"")]
    [InlineData("Atoll-Session", "nonsense")]
    [InlineData("Atoll-TTL", "yesterday")]
    public async Task A_bad_header_gets_a_problem_with_a_code(string header, string value)
    {
        var response = await SendAsync(HttpMethod.Put, "x", request => request.Headers.TryAddWithoutValidation(header, value));
        await ProblemAsync(response, HttpStatusCode.BadRequest, "invalid");
    }

    [Fact]
    public async Task A_value_that_is_too_large_is_refused_before_it_is_read()
    {
        var over = await Http.PutAsync("/v1/spaces/s/records/k", new ByteArrayContent(new byte[Foundation.Limits.ValueBytesDefault + 1]));
        var problem = await ProblemAsync(over, HttpStatusCode.RequestEntityTooLarge, "tooLarge");
        Assert.Contains($"{Foundation.Limits.ValueBytesDefault}", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ResponseStatus.Overloaded, 503, "overloaded", true)]
    [InlineData(ResponseStatus.Unavailable, 503, "unavailable", true)]
    [InlineData(ResponseStatus.DiskFull, 507, "diskFull", true)]
    [InlineData(ResponseStatus.OutcomeUnknown, 504, "outcomeUnknown", false)]
    [InlineData(ResponseStatus.RequestExpired, 409, "requestExpired", false)]
    [InlineData(ResponseStatus.Faulted, 500, "faulted", false)]
    public async Task What_the_cluster_says_becomes_a_status_a_code_and_whether_to_retry(
        ResponseStatus said, int status, string code, bool isRetryable)
    {
        _host.Port.Disturb = request => request.Kind == RequestKind.Write
            ? new Response(said, RetryAfter: Duration.FromMilliseconds(1)) : null;
        var response = await Http.PutAsync("/v1/spaces/s/records/k?timeout=2s", Body("x"));
        var problem = await ProblemAsync(response, (HttpStatusCode)status, code);
        Assert.Equal(isRetryable, problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(isRetryable, response.Headers.RetryAfter is not null);
    }

    [Fact]
    public async Task Without_a_token_only_health_and_the_description_are_open()
    {
        await using var closed = await HttpHost.StartAsync(AccessTokens.Of(["secret"]), notReady: "it is early");
        Assert.Equal(HttpStatusCode.OK, (await closed.Http.GetAsync("/health/live")).StatusCode);
        await ProblemAsync(await closed.Http.GetAsync("/health/ready"), HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.Equal(HttpStatusCode.OK, (await closed.Http.GetAsync("/openapi.json")).StatusCode);
        var refused = await closed.Http.GetAsync("/v1/spaces");
        await ProblemAsync(refused, HttpStatusCode.Unauthorized, "unauthenticated");
        Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.Single().Scheme);
        await ProblemAsync(await closed.Http.GetAsync("/metrics"), HttpStatusCode.Unauthorized, "unauthenticated");
        closed.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "secret");
        Assert.Equal(HttpStatusCode.OK, (await closed.Http.GetAsync("/v1/spaces")).StatusCode);
    }

    [Fact]
    public async Task The_description_names_every_path()
    {
        using var document = JsonDocument.Parse(await Http.GetStringAsync("/openapi.json"));
        var paths = document.RootElement.GetProperty("paths").EnumerateObject().Select(path => path.Name).ToHashSet();
        Assert.Superset(
            new HashSet<string>
            {
                "/v1/spaces", "/v1/spaces/{space}", "/v1/spaces/{space}/records", "/v1/spaces/{space}/records/{key}",
                    "/v1/spaces/{space}/record",
                "/v1/spaces/{space}/watch", "/v1/spaces/{space}/batch", "/v1/cluster", "/health/ready",
            },
            paths);
    }

    private static ByteArrayContent Body(string text) => new(Encoding.UTF8.GetBytes(text));

    private static List<JsonElement> Lines(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static async Task<JsonElement> LineAsync(StreamReader stream, CancellationToken cancellation) =>
        JsonDocument.Parse((await stream.ReadLineAsync(cancellation))!).RootElement;

    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.Equal((code, (int)status), (problem.GetProperty("code").GetString(), problem.GetProperty("status").GetInt32()));
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        return problem;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string? body, Action<HttpRequestMessage> configure)
    {
        using var request = new HttpRequestMessage(method, "/v1/spaces/s/records/k") { Content = body is null ? null : Body(body) };
        configure(request);
        return await Http.SendAsync(request);
    }
}
