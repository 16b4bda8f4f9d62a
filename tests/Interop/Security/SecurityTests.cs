using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Security;

/// <summary>
/// A whole cluster of processes behind mutual TLS (RFC 8446) and access tokens: who may come in does, and everybody else is told why not.
/// </summary>
public sealed class SecurityTests(SecureCluster cluster) : IClassFixture<SecureCluster>
{
    private const int Usage = 2;
    private const int Unavailable = 5;
    private const int Unauthenticated = 8;

    [Theory]
    [InlineData(SecureCluster.Token)]
    [InlineData(SecureCluster.OtherToken)]
    public async Task Who_trusts_the_authority_and_has_a_token_puts_through_one_node_and_gets_through_another(string token)
    {
        string[] access = ["--tls-ca", cluster.Authority.Path, "--token", token];
        var put = await cluster.RunAsync(1, access, "put", token, "value", "--space", "s");
        Assert.True(put.Code == 0, put.Output);
        var got = await cluster.RunAsync(3, access, "get", token, "--space", "s");
        Assert.Equal((0, "value"), got);
        var status = await cluster.RunAsync(2, access, "status");
        Assert.True(status.Code == 0, status.Output);
        Assert.All([1, 2, 3], node => Assert.Contains(cluster.Processes.Client(node), status.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_token_or_with_a_wrong_one_a_client_is_told_so()
    {
        var (code, output) = await cluster.RunAsync(1, ["--tls-ca", cluster.Authority.Path], "get", "k", "--space", "s");
        Assert.Equal(Unauthenticated, code);
        Assert.Contains("an access token is needed", output, StringComparison.Ordinal);

        (code, output) = await cluster.RunAsync(
            1, ["--tls-ca", cluster.Authority.Path, "--token", "open-sesam"], "put", "k", "v", "--space", "s");
        Assert.Equal(Unauthenticated, code);
        Assert.Contains("the access token is not valid", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_trusts_another_authority_is_told_whose_certificate_it_saw()
    {
        var (code, output) = await cluster.RunAsync(
            2, ["--tls-ca", cluster.Stranger.Path, "--token", SecureCluster.Token], "get", "k", "--space", "s");
        Assert.Equal(Unauthenticated, code);
        Assert.Contains(
            $"{cluster.Processes.Client(2)}: the node's certificate \"CN=node2\" is of another authority: "
                + "it was issued by \"CN=authority\"",
            output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_without_TLS_is_told_that_the_node_may_want_it()
    {
        var (code, output) = await cluster.RunAsync(
            2, ["--token", SecureCluster.Token, "--timeout", "2s"], "get", "k", "--space", "s");
        Assert.Equal(Unavailable, code);
        Assert.Contains("does it want TLS?", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_does_not_start_a_node_nor_reach_the_others()
    {
        // Its own authority file shows that nobody would accept it: it is not even started.
        var host = cluster.Processes.Host(4);
        string[] rogue = [.. cluster.Stranger.Issue("rogue", host), "--token-file", cluster.TokenFile];
        var (code, output) = await StartAsync(4, [.. rogue, "--tls-ca", cluster.Authority.Path]);
        Assert.Equal(Usage, code);
        Assert.Contains("\"CN=rogue\" is of another authority: it was issued by \"CN=stranger\"", output, StringComparison.Ordinal);

        // Trusting the stranger instead, it does not trust the member that it should join through.
        (code, output) = await StartAsync(4, [.. rogue, "--tls-ca", cluster.Stranger.Path]);
        Assert.Equal(Unauthenticated, code);
        Assert.Contains("\"CN=node1\" is of another authority: it was issued by \"CN=authority\"", output, StringComparison.Ordinal);
        var (_, status) = await cluster.RunAsync(1, cluster.Access, "status");
        Assert.DoesNotContain(host, status, StringComparison.Ordinal);

        // Trusting both, and with a valid token, it gets as far as the members' doors; both sides say why no further, and it is no member.
        var both = Path.Combine(cluster.Processes.Folder, "both.pem");
        await File.WriteAllTextAsync(
            both, await File.ReadAllTextAsync(cluster.Authority.Path) + "\n" + await File.ReadAllTextAsync(cluster.Stranger.Path));
        (code, output) = await StartAsync(4, [.. rogue, "--tls-ca", both]);
        Assert.Equal(Unavailable, code);
        Assert.Contains(
            $"node 3 at {cluster.Processes.Host(3)}:4601: it refused: your certificate \"CN=rogue\" is of another authority: "
                + "it was issued by \"CN=stranger\"",
            output,
            StringComparison.Ordinal);
        await cluster.Processes.Node(3).SaysAsync(
            "its certificate \"CN=rogue\" is of another authority: it was issued by \"CN=stranger\"");
        (_, status) = await cluster.RunAsync(1, cluster.Access, "status");
        Assert.DoesNotContain(host, status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_whose_certificate_goes_bad_while_it_is_a_member_is_refused_by_the_others_and_says_why()
    {
        var host = cluster.Processes.Host(6);
        string[] rest = ["--tls-ca", cluster.Authority.Path, "--token-file", cluster.TokenFile];
        string[] good = [.. cluster.Authority.Issue("six", host), .. rest];
        using (var member = cluster.Processes.Start(6, new Dictionary<string, string>(), good))
        {
            await member.SaysAsync("serves at");
        }

        var both = Path.Combine(cluster.Processes.Folder, "both-of-six.pem");
        await File.WriteAllTextAsync(
            both, await File.ReadAllTextAsync(cluster.Authority.Path) + "\n" + await File.ReadAllTextAsync(cluster.Stranger.Path));
        using var rogue = cluster.Processes.Start(
            6,
            new Dictionary<string, string>(),
            [.. cluster.Stranger.Issue("six", host), "--tls-ca", both, "--token-file", cluster.TokenFile]);
        await rogue.SaysAsync("it refused: your certificate \"CN=six\" is of another authority: it was issued by \"CN=stranger\"");
        await cluster.Processes.Node(1).SaysAsync(
            "the node's certificate \"CN=six\" is of another authority: it was issued by \"CN=stranger\"");
        Assert.DoesNotContain("Connected to node", rogue.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_has_expired_or_is_not_valid_yet_does_not_start_a_node()
    {
        string[] rest = ["--tls-ca", cluster.Authority.Path, "--token-file", cluster.TokenFile];
        var expired = cluster.Authority.Issue("expired", cluster.Processes.Host(5), TimeSpan.FromDays(-1));
        var (code, output) = await StartAsync(5, [.. expired, .. rest]);
        Assert.Equal(Usage, code);
        Assert.Contains(
            $"expired.pem can't be used with {cluster.Authority.Path}: \"CN=expired\" expired on {DateTime.UtcNow.AddDays(-1):yyyy-MM-}",
            output,
            StringComparison.Ordinal);

        var early = cluster.Authority.Issue("early", cluster.Processes.Host(5), TimeSpan.FromDays(300));
        (code, output) = await StartAsync(5, [.. early, .. rest]);
        Assert.Equal(Usage, code);
        Assert.Contains("\"CN=early\" is valid only from", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--tls-cert", false, false)]
    [InlineData("--tls-cert", false, true)]
    [InlineData("--token-file", true, false)]
    public async Task A_node_does_not_listen_beyond_this_machine_without_both_TLS_and_tokens(string missing, bool hasTls, bool hasTokens)
    {
        using var process = AtollProcess.Start(
            new Dictionary<string, string>(),
            [
                "node", "--bootstrap", "--data", Path.Combine(cluster.Processes.Folder, "beyond"), "--listen", "0.0.0.0",
                "--advertise", "192.0.2.1",
                .. hasTls ? [.. cluster.Authority.Issue("beyond", "192.0.2.1"), "--tls-ca", cluster.Authority.Path] : Array.Empty<string>(),
                .. hasTokens ? ["--token-file", cluster.TokenFile] : Array.Empty<string>(),
            ]);
        Assert.Equal(Usage, await process.EndsAsync());
        Assert.Contains("listening on 0.0.0.0 lets other machines in", process.Output, StringComparison.Ordinal);
        Assert.Contains(missing, process.Output, StringComparison.Ordinal);
        Assert.Contains("--insecure", process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_to_clients_without_a_restart()
    {
        var host = cluster.Processes.Host(3);
        var before = await SerialAsync(host);
        cluster.Authority.Issue("node3", host);
        await cluster.Processes.Node(3).SaysAsync("The certificate files were renewed", () => SerialAsync(host));
        Assert.NotEqual(before, await SerialAsync(host));
        var got = await cluster.RunAsync(3, cluster.Access, "space", "list");
        Assert.True(got.Code == 0, got.Output);
    }

    [Fact]
    public async Task Curl_comes_in_over_https_with_the_authority_and_a_token()
    {
        var url = $"https://{cluster.Processes.Host(2)}:4680/v1/spaces/s/records/by-curl";
        string[] bearer = ["-H", $"Authorization: Bearer {SecureCluster.Token}"];
        Assert.Equal("204", await CurlAsync(["--cacert", cluster.Authority.Path, .. bearer, "-X", "PUT", "--data-binary", "v", url]));
        var got = await cluster.RunAsync(3, cluster.Access, "get", "by-curl", "--space", "s");
        Assert.Equal((0, "v"), got);

        foreach (var headers in new[] { Array.Empty<string>(), ["-H", "Authorization: Bearer wrong"] })
        {
            var body = Path.Combine(cluster.Processes.Folder, "problem");
            Assert.Equal(
                "401 application/problem+json",
                await CurlAsync(
                    ["--cacert", cluster.Authority.Path, .. headers, "-o", body, url], "%{http_code} %{content_type}"));
            using var problem = JsonDocument.Parse(await File.ReadAllTextAsync(body));
            Assert.Equal(401, problem.RootElement.GetProperty("status").GetInt32());
            Assert.Equal("unauthenticated", problem.RootElement.GetProperty("code").GetString());
            Assert.NotEmpty(problem.RootElement.GetProperty("type").GetString()!);
            Assert.Contains("token", problem.RootElement.GetProperty("detail").GetString()!, StringComparison.Ordinal);
        }

        // Exit 60: the peer's certificate cannot be authenticated (man curl). Here curl must fail before it sends anything.
        Assert.Equal("000 60", await CurlAsync(["--cacert", cluster.Stranger.Path, .. bearer, url], "%{http_code} %{exitcode}"));
    }

    /// <summary>The serial number of the certificate that a node shows to clients.</summary>
    private async Task<string> SerialAsync(string host)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(host, 4600);
        await using var tls = new SslStream(tcp.GetStream());
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(cluster.Authority.Path);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, CertificateChainPolicy = policy });
        return tls.RemoteCertificate!.GetSerialNumberString();
    }

    private static async Task<string> CurlAsync(string[] arguments, string format = "%{http_code}")
    {
        using var curl = AtollProcess.StartProgram(
            "curl", new Dictionary<string, string>(), ["-s", "--max-time", "20", "-w", format, .. arguments]);
        await curl.EndsAsync();
        return curl.Output;
    }

    private async Task<(int Code, string Output)> StartAsync(int node, string[] options)
    {
        using var process = cluster.Processes.Start(node, new Dictionary<string, string>(), options);
        return (await process.EndsAsync(), process.Output);
    }
}
