using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;
using Atoll.Live.Networks;
using Xunit;

namespace Atoll.Live.Tests.Networks;

/// <summary>Certificates between nodes: who holds one of the cluster's authority is in, everybody else is out.</summary>
public sealed class TlsTests
{
    [Fact]
    public void Nodes_with_certificates_of_one_authority_talk()
    {
        using var folder = new TemporaryFolder();
        var authority = NewAuthority(folder, "ca");
        var one = NewNode(folder, "one", authority);
        var two = NewNode(folder, "two", authority);
        using var net = new LiveNetworkHarness((node, options) => options with { Tls = node == 1 ? one : two }, nodes: 2);
        net.Connect(1, 2);
        net.Connect(2, 1);
        var message = new byte[3 * 1024 * 1024];
        new Foundation.Randomness.Prng(1).Fill(message);
        for (byte i = 0; i < 100; i++)
        {
            net.Network(1).Send(new LoopAddress(new NodeId(2), 1), Lane.Urgent, [i]);
        }

        net.Network(2).Send(new LoopAddress(new NodeId(1), 0), Lane.Bulk, message);
        net.RunUntil(() => net.Events(2, 1).Messages.Count == 100 && net.Events(1).Messages.Count == 1);
        Assert.Equal(Enumerable.Range(0, 100), net.Events(2, 1).Messages.Select(item => (int)item.Message.Span[0]));
        Assert.True(net.Events(1).Messages[0].Message.Span.SequenceEqual(message));
        net.Stop(2);
        net.RunUntil(() => net.Events(1).LinkDowns == 2);
    }

    [Fact]
    public void A_certificate_of_another_authority_is_refused_both_ways()
    {
        using var folder = new TemporaryFolder();
        var one = NewNode(folder, "one", NewAuthority(folder, "ca"));
        var two = NewNode(folder, "two", NewAuthority(folder, "stranger"));
        using var net = new LiveNetworkHarness((node, options) => options with { Tls = node == 1 ? one : two }, nodes: 2);
        net.Network(1).SetPeer(new NodeId(2), net.Address(2));
        net.Network(2).SetPeer(new NodeId(1), net.Address(1));
        Waiting.Until(() => net.Logger.Has("Can't reach node 1") && net.Logger.Has("Can't reach node 2"));
        Assert.True(net.Logger.Lines.All(line => !line.Line.StartsWith("Connected", StringComparison.Ordinal)));
        Assert.True(net.Logger.Has("the node's certificate \"CN=two\" is of another authority: it was issued by \"CN=stranger\""));
    }

    [Fact]
    public void A_stranger_who_trusts_the_cluster_is_told_why_the_cluster_does_not_trust_him()
    {
        using var folder = new TemporaryFolder();
        var authority = NewAuthority(folder, "ca");
        var stranger = NewAuthority(folder, "stranger");
        var one = NewNode(folder, "one", authority);
        File.AppendAllText(stranger.Path, "\n" + File.ReadAllText(authority.Path));
        var two = NewNode(folder, "two", stranger);
        using var net = new LiveNetworkHarness((node, options) => options with { Tls = node == 1 ? one : two }, nodes: 2);
        net.Network(2).SetPeer(new NodeId(1), net.Address(1));
        Waiting.Until(() => net.Logger.Has("it refused: your certificate \"CN=two\" is of another authority")
            && net.Logger.Has("its certificate \"CN=two\" is of another authority: it was issued by \"CN=stranger\""));
        Assert.True(net.Logger.Lines.All(line => !line.Line.StartsWith("Connected", StringComparison.Ordinal)));
    }

    [Fact]
    public void Renewed_files_are_used_without_a_restart_once_they_fit_together()
    {
        using var folder = new TemporaryFolder();
        var authority = NewAuthority(folder, "ca");
        var tls = NewNode(folder, "one", authority);
        var told = new List<string?>();
        tls.Renewed = told.Add;
        var first = tls.Certificate.TargetCertificate.Thumbprint;
        Assert.Equal(first, tls.Certificate.TargetCertificate.Thumbprint);

        // In the middle of a renewal: the new certificate is there, and its key is not.
        var oldKey = File.ReadAllText(folder["one.key"]);
        NewNode(folder, "one", authority);
        var newKey = File.ReadAllText(folder["one.key"]);
        File.WriteAllText(folder["one.key"], oldKey);
        Waiting.Until(() => tls.Certificate.TargetCertificate.Thumbprint == first && told.Count > 0);
        Assert.Contains(folder["one.key"], told[0], StringComparison.Ordinal);

        File.WriteAllText(folder["one.key"], newKey);
        Waiting.Until(() => tls.Certificate.TargetCertificate.Thumbprint != first);
        Assert.Null(told[^1]);
    }

    [Fact]
    public void A_certificate_that_the_cluster_would_refuse_is_refused_at_the_start()
    {
        using var folder = new TemporaryFolder();
        var authority = NewAuthority(folder, "ca");
        var stranger = NewAuthority(folder, "stranger");
        NewNode(folder, "one", authority);
        var failure = Failure(folder["one.pem"], folder["one.key"], stranger.Path);
        Assert.Contains("\"CN=one\" is of another authority: it was issued by \"CN=ca\"", failure, StringComparison.Ordinal);
        var expired = Assert.Throws<PeerTlsException>(() => NewNode(folder, "old", authority, DateTimeOffset.UtcNow.AddMinutes(-1)));
        Assert.Contains("\"CN=old\" expired on ", expired.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plain_node_and_a_node_with_certificates_do_not_talk()
    {
        using var folder = new TemporaryFolder();
        var one = NewNode(folder, "one", NewAuthority(folder, "ca"));
        using var net = new LiveNetworkHarness((node, options) => node == 1 ? options with { Tls = one } : options, nodes: 2);
        net.Network(1).SetPeer(new NodeId(2), net.Address(2));
        net.Network(2).SetPeer(new NodeId(1), net.Address(1));
        Waiting.Until(() => net.Logger.Has("Can't reach node 1") && net.Logger.Has("Can't reach node 2"));
        Assert.True(net.Logger.Lines.All(line => !line.Line.StartsWith("Connected", StringComparison.Ordinal)));
    }

    [Fact]
    public void Files_that_are_not_what_they_should_be_are_named()
    {
        using var folder = new TemporaryFolder();
        var authority = NewAuthority(folder, "ca");
        NewNode(folder, "one", authority);
        NewNode(folder, "two", authority);
        File.WriteAllText(folder["empty.pem"], "");
        Assert.Contains(folder["none.pem"], Failure(folder["none.pem"], folder["one.key"], folder["ca.pem"]), StringComparison.Ordinal);
        Assert.Contains(folder["empty.pem"], Failure(folder["one.pem"], folder["one.key"], folder["empty.pem"]), StringComparison.Ordinal);
        Assert.Contains(folder["two.key"], Failure(folder["one.pem"], folder["two.key"], folder["ca.pem"]), StringComparison.Ordinal);
        Assert.Contains(folder["ca.pem"], Failure(folder["one.pem"], folder["ca.pem"], folder["ca.pem"]), StringComparison.Ordinal);
    }

    private static string Failure(string certificate, string key, string authority) =>
        Assert.Throws<PeerTlsException>(() => PeerTls.Load(certificate, key, authority)).Message;

    private static (X509Certificate2 Certificate, string Path) NewAuthority(TemporaryFolder folder, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        var path = folder[$"{name}.pem"];
        File.WriteAllText(path, certificate.ExportCertificatePem());
        return (certificate, path);
    }

    private static PeerTls NewNode(
        TemporaryFolder folder, string name, (X509Certificate2 Certificate, string Path) authority, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.Create(
            authority.Certificate, DateTimeOffset.UtcNow.AddHours(-1), until ?? DateTimeOffset.UtcNow.AddDays(1), [1, 2, 3, (byte)name[0]]);
        File.WriteAllText(folder[$"{name}.pem"], certificate.ExportCertificatePem());
        File.WriteAllText(folder[$"{name}.key"], key.ExportPkcs8PrivateKeyPem());
        return PeerTls.Load(folder[$"{name}.pem"], folder[$"{name}.key"], authority.Path);
    }
}
