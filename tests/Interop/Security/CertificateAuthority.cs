using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Atoll.Interop.Tests.Security;

/// <summary>An authority of its own, and the PEM files of what it issues.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    private readonly string _folder;
    private readonly X509Certificate2 _root;

    public CertificateAuthority(string folder, string name)
    {
        _folder = folder;
        Path = System.IO.Path.Combine(folder, $"{name}.pem");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(2));
        File.WriteAllText(Path, _root.ExportCertificatePem());
    }

    /// <summary>The file of its own certificate.</summary>
    public string Path { get; }

    /// <summary>Writes a certificate for an address, and its key; both replace what was there.</summary>
    /// <returns>The options of a node that has them.</returns>
    public string[] Issue(string name, string host, TimeSpan? validUntil = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(host));
        request.CertificateExtensions.Add(names.Build());
        var until = DateTimeOffset.UtcNow + (validUntil ?? TimeSpan.FromDays(1));
        using var issued = request.Create(_root, until.AddMonths(-6), until, RandomNumberGenerator.GetBytes(16));
        var (certificatePath, keyPath) = (System.IO.Path.Combine(_folder, $"{name}.pem"), System.IO.Path.Combine(_folder, $"{name}.key"));
        File.WriteAllText(certificatePath, issued.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
        return ["--tls-cert", certificatePath, "--tls-key", keyPath];
    }

    /// <summary>TLS towards nodes with certificates of this authority.</summary>
    public SslClientAuthenticationOptions Trust()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(_root);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }

    public void Dispose() => _root.Dispose();
}
