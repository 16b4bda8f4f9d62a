using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Atoll.Foundation.Time;

namespace Atoll.Live.Networks;

/// <summary>
/// A node's certificate, its key, and the authorities of the cluster, as PEM files hold them. What was renewed on the disk is used for
/// the connections made from then on, without a restart; what cannot be used is not taken over. Safe on every thread.
/// </summary>
internal sealed class CertificateFiles
{
    // Connections come in bursts; the files do not change in between.
    private static readonly Duration CheckInterval = Duration.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly string _authorityPath;
    private Texts _texts;
    private CertificateSet _current;
    private Instant _checkAt;

    private CertificateFiles(string certificatePath, string keyPath, string authorityPath)
    {
        _certificatePath = certificatePath;
        _keyPath = keyPath;
        _authorityPath = authorityPath;
        _texts = ReadTexts();
        _current = Parse(_texts);
        _checkAt = LiveClock.Instance.Now + CheckInterval;
    }

    /// <summary>Told when renewed files were taken over (null), or why they were not.</summary>
    public Action<string?>? Renewed { get; set; }

    /// <summary>What is to be used for the next connection.</summary>
    public CertificateSet Current
    {
        get
        {
            lock (_gate)
            {
                var now = LiveClock.Instance.Now;
                if (now >= _checkAt)
                {
                    _checkAt = now + CheckInterval;
                    Check();
                }

                return _current;
            }
        }
    }

    /// <summary>Reads the files.</summary>
    /// <exception cref="PeerTlsException">A file is missing or not what it should be; the message names it.</exception>
    public static CertificateFiles Load(string certificatePath, string keyPath, string authorityPath) =>
        new(certificatePath, keyPath, authorityPath);

    private void Check()
    {
        try
        {
            // Contents, not times: renewals often exchange a link to a folder.
            var texts = ReadTexts();
            if (texts != _texts)
            {
                var renewed = Parse(texts);
                _texts = texts;
                _current = renewed; // the old one may still be in use by a handshake
                Renewed?.Invoke(null);
            }
        }
        catch (PeerTlsException failure)
        {
            // Perhaps in the middle of a renewal: a certificate whose key is still to come. It is looked at again.
            Renewed?.Invoke(failure.Message);
        }
    }

    private Texts ReadTexts() => new(ReadText(_certificatePath), ReadText(_keyPath), ReadText(_authorityPath));

    private CertificateSet Parse(Texts texts)
    {
        var chain = ReadCertificates(_certificatePath, texts.Certificate);
        var authorities = ReadCertificates(_authorityPath, texts.Authority);
        X509Certificate2 own;
        try
        {
            using var ephemeral = X509Certificate2.CreateFromPem(texts.Certificate, texts.Key);

            // Windows signs only with keys that went through its own store format; elsewhere this changes nothing.
            own = X509CertificateLoader.LoadPkcs12(ephemeral.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new PeerTlsException(
                $"the key in {_keyPath} can't be used with the certificate in {_certificatePath}: {exception.Message}", exception);
        }

        // Every other node would refuse it: better said here, at once, than by each of them.
        return CertificateJudgement.WhyNot(own, chain, authorities) is { } why
            ? throw new PeerTlsException($"the certificate in {_certificatePath} can't be used with {_authorityPath}: {why}")
            : new CertificateSet(SslStreamCertificateContext.Create(own, chain, offline: true), authorities);
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new PeerTlsException($"{path} can't be read: {exception.Message}", exception);
        }
    }

    private static X509Certificate2Collection ReadCertificates(string path, string text)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException exception)
        {
            throw new PeerTlsException($"no certificate can be read from {path}: {exception.Message}", exception);
        }

        return certificates.Count > 0 ? certificates : throw new PeerTlsException($"there is no certificate in {path}");
    }

    private sealed record Texts(string Certificate, string Key, string Authority);
}

/// <summary>What the files held when they were last read.</summary>
/// <param name="Own">The node's certificate with its key, and those between it and the authority.</param>
/// <param name="Authorities">Whose certificates are accepted.</param>
internal sealed record CertificateSet(SslStreamCertificateContext Own, X509Certificate2Collection Authorities);
