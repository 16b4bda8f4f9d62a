using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Atoll.Live.Networks;

/// <summary>
/// Mutual TLS between nodes: who holds a certificate of the cluster's own authority is a node of the cluster. Names in certificates are not
/// compared with addresses: the authority must serve the cluster alone.
/// </summary>
public sealed class PeerTls
{
    private const int DrainedBytesMax = 64 * 1024;
    private const string NoneShown = "is missing: none was shown";

    private readonly CertificateFiles _files;

    private PeerTls(CertificateFiles files) => _files = files;

    /// <summary>The node's certificate for the next connection, as its files hold it now.</summary>
    public SslStreamCertificateContext Certificate => _files.Current.Own;

    /// <summary>
    /// Told when renewed files were taken over (null), or why they were not; on the thread that makes a connection. Set once, by the owner.
    /// </summary>
    public Action<string?>? Renewed
    {
        get => _files.Renewed;
        set => _files.Renewed = value;
    }

    /// <summary>Reads the files of a node.</summary>
    /// <param name="certificatePath">PEM: the node's certificate, then those between it and the authority.</param>
    /// <param name="keyPath">PEM: its private key.</param>
    /// <param name="authorityPath">PEM: the certificates of the cluster's authority.</param>
    /// <exception cref="PeerTlsException">
    /// A file is missing or not what it should be, or the certificate is not of the authority or not valid now; the message names the file.
    /// </exception>
    public static PeerTls Load(string certificatePath, string keyPath, string authorityPath) =>
        new(CertificateFiles.Load(certificatePath, keyPath, authorityPath));

    /// <summary>Wraps a connection that was dialled; blocks until both sides are known to each other.</summary>
    /// <exception cref="AuthenticationException">The other side is not of the cluster; the message says why.</exception>
    internal SslStream Dial(Stream connection)
    {
        var files = _files.Current;
        string? problem = null;
        var stream = new SslStream(connection, leaveInnerStreamOpen: false);
        try
        {
            stream.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = "atoll",
                ClientCertificateContext = files.Own,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                    (problem = WhyNot(files, certificate as X509Certificate2, chain)) is null,
            });
            return stream;
        }
        catch (AuthenticationException) when (problem is not null)
        {
            throw new AuthenticationException($"the node's certificate {problem}");
        }
    }

    /// <summary>Wraps a connection that was accepted; blocks until both sides are known to each other.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="refusal">Makes what is sent to a stranger before the connection is closed.</param>
    /// <exception cref="AuthenticationException">The other side is not of the cluster; the message says why.</exception>
    internal SslStream Accept(Stream connection, Func<string, byte[]> refusal)
    {
        var files = _files.Current;
        var problem = NoneShown;
        var stream = new SslStream(connection, leaveInnerStreamOpen: false);
        stream.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = files.Own,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                // A bad one is let through here and refused below: TLS would leave its owner with a closed connection and no reason.
                problem = WhyNot(files, certificate as X509Certificate2, chain);
                return certificate is not null;
            },
        });
        if (problem is null)
        {
            return stream;
        }

        Refuse(stream, refusal($"your certificate {problem}"));
        throw new AuthenticationException($"its certificate {problem}");
    }

    private static string? WhyNot(CertificateSet files, X509Certificate2? certificate, X509Chain? received)
    {
        if (certificate is null)
        {
            return NoneShown;
        }

        var between = new X509Certificate2Collection();
        foreach (var element in received?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            between.Add(element.Certificate);
        }

        return CertificateJudgement.WhyNot(certificate, between, files.Authorities);
    }

    // What the stranger has sent is read, and thrown away: closing over it would reset the connection, and the reason with it. Who sends
    // on and on, or nothing, is cut off by the greeting's deadline.
    private static void Refuse(SslStream stream, byte[] refusal)
    {
        stream.Write(refusal);
        stream.ShutdownAsync().GetAwaiter().GetResult();
        var buffer = new byte[1024];
        for (var drained = 0; drained < DrainedBytesMax;)
        {
            var count = stream.Read(buffer);
            if (count == 0)
            {
                return;
            }

            drained += count;
        }
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
