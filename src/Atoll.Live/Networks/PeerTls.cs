using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Atoll.Live.Networks;

/// <summary>
/// Mutual TLS between nodes: who holds a certificate of the cluster's own authority is a node of the cluster. Names in certificates are not
/// compared with addresses: the authority must serve the cluster alone.
/// </summary>
public sealed class PeerTls : IDisposable
{
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2Collection _authorities;
    private readonly SslStreamCertificateContext _context;

    private PeerTls(X509Certificate2 own, X509Certificate2Collection chain, X509Certificate2Collection authorities)
    {
        _own = own;
        _authorities = authorities;
        _context = SslStreamCertificateContext.Create(own, chain, offline: true);
    }

    /// <summary>Reads the files of a node.</summary>
    /// <param name="certificatePath">PEM: the node's certificate, then those between it and the authority.</param>
    /// <param name="keyPath">PEM: its private key.</param>
    /// <param name="authorityPath">PEM: the certificates of the cluster's authority.</param>
    /// <exception cref="PeerTlsException">A file is missing or not what it should be; the message names it.</exception>
    public static PeerTls Load(string certificatePath, string keyPath, string authorityPath)
    {
        var chain = ReadCertificates(certificatePath);
        var authorities = ReadCertificates(authorityPath);
        try
        {
            using var ephemeral = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);

            // Windows signs only with keys that went through its own store format; elsewhere this changes nothing.
            var own = X509CertificateLoader.LoadPkcs12(ephemeral.Export(X509ContentType.Pkcs12), null);
            return new PeerTls(own, chain, authorities);
        }
        catch (Exception exception) when (exception
            is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new PeerTlsException(
                $"the key in {keyPath} can't be used with the certificate in {certificatePath}: {exception.Message}", exception);
        }
    }

    /// <summary>Wraps a connection that was dialled; blocks until both sides are known to each other.</summary>
    /// <exception cref="AuthenticationException">The other side is not of the cluster, or refuses this one.</exception>
    internal SslStream Dial(Stream connection)
    {
        var stream = new SslStream(connection, leaveInnerStreamOpen: false);
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "atoll",
            ClientCertificateContext = _context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = IsOfTheCluster,
        });
        return stream;
    }

    /// <summary>Wraps a connection that was accepted; blocks until both sides are known to each other.</summary>
    /// <exception cref="AuthenticationException">The other side is not of the cluster, or refuses this one.</exception>
    internal SslStream Accept(Stream connection)
    {
        var stream = new SslStream(connection, leaveInnerStreamOpen: false);
        stream.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _context,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = IsOfTheCluster,
        });
        return stream;
    }

    /// <summary>Lets go of the key.</summary>
    public void Dispose() => _own.Dispose();

    private static X509Certificate2Collection ReadCertificates(string path)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(path);
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new PeerTlsException($"no certificate can be read from {path}: {exception.Message}", exception);
        }

        return certificates.Count > 0 ? certificates : throw new PeerTlsException($"there is no certificate in {path}");
    }

    private bool IsOfTheCluster(object sender, X509Certificate? certificate, X509Chain? received, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 theirs)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (received is not null)
        {
            foreach (var element in received.ChainElements)
            {
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            }
        }

        return chain.Build(theirs);
    }
}

/// <summary>A certificate or key file is missing or not what it should be.</summary>
public sealed class PeerTlsException : Exception
{
    /// <summary>An exception that names the file.</summary>
    public PeerTlsException(string message) : base(message)
    {
    }

    /// <summary>An exception without a message.</summary>
    public PeerTlsException()
    {
    }

    /// <summary>An exception with a cause.</summary>
    public PeerTlsException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
