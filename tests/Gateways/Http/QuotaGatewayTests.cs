using System.Net;
using System.Text;
using Atoll.Gateways.Tests.Fakes;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

/// <summary>Quotas of clients of topics over HTTP.</summary>
public sealed class QuotaGatewayTests
{
    [Fact]
    public async Task Quotas_are_set_listed_and_deleted()
    {
        await using var host = await HttpHost.StartAsync();
        Assert.Equal((HttpStatusCode.OK, """{"default":{},"clients":{}}"""), await SendAsync(host, HttpMethod.Get, ""));
        Assert.Equal(
            (HttpStatusCode.OK, """{"consumer_byte_rate":5,"producer_byte_rate":7}"""),
            await SendAsync(host, HttpMethod.Put, "/clients/a%20b", """{"producer_byte_rate":7,"consumer_byte_rate":5}"""));
        Assert.Equal(
            (HttpStatusCode.OK, """{"consumer_byte_rate":5}"""),
            await SendAsync(host, HttpMethod.Put, "/clients/a%20b", """{"producer_byte_rate":null}"""));
        Assert.Equal(
            (HttpStatusCode.OK, """{"request_rate":9}"""), await SendAsync(host, HttpMethod.Put, "/default", """{"request_rate":9}"""));
        Assert.Equal(
            (HttpStatusCode.OK, """{"default":{"request_rate":9},"clients":{"a b":{"consumer_byte_rate":5}}}"""),
            await SendAsync(host, HttpMethod.Get, ""));
        foreach (var body in new[] { """{"no_such_rate":1}""", """{"request_rate":0}""", "[1]", "[" })
        {
            var (status, problem) = await SendAsync(host, HttpMethod.Put, "/default", body);
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Contains("\"invalid\"", problem, StringComparison.Ordinal);
        }

        foreach (var place in new[] { "/clients/a%20b", "/default" })
        {
            Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(host, HttpMethod.Delete, place)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(host, HttpMethod.Delete, place)).Status);
        }
    }

    private static async Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpHost host, HttpMethod method, string place, string? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri("/v1/quotas" + place, UriKind.Relative));
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await host.Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
