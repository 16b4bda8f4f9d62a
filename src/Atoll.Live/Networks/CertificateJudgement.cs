using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Atoll.Live.Networks;

/// <summary>Says in words why a certificate is not accepted: with whose it is, who issued it, and its dates.</summary>
public static class CertificateJudgement
{
    /// <summary>Judges a certificate by authorities of one's own, now.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="between">Certificates that may stand between it and an authority.</param>
    /// <param name="authorities">The authorities; no others are trusted.</param>
    /// <returns>Null when it is good, else why not: what can stand behind "the certificate".</returns>
    public static string? WhyNot(
        X509Certificate2 certificate, X509Certificate2Collection between, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.ExtraStore.AddRange(between);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate) ? null : WhyNot(certificate, chain);
    }

    /// <summary>Says what a validation of TLS found.</summary>
    /// <param name="certificate">The certificate, if one was shown.</param>
    /// <param name="chain">The chain that was built of it.</param>
    /// <param name="errors">What is wrong.</param>
    /// <param name="host">Whom it should be for.</param>
    /// <returns>Null when nothing is wrong, else what can stand behind "the certificate".</returns>
    public static string? WhyNot(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, string host)
    {
        if (errors == SslPolicyErrors.None)
        {
            return null;
        }

        if (certificate is null || chain is null)
        {
            return "is missing: none was shown";
        }

        return (errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0
            ? WhyNot(certificate, chain)
            : $"{NameOf(certificate)} is not for {host}: it must carry that name or address among its alternative names";
    }

    private static string WhyNot(X509Certificate2 certificate, X509Chain chain)
    {
        var name = NameOf(certificate);
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if ((status & X509ChainStatusFlags.NotTimeValid) != 0)
        {
            // The first in the chain that is not valid now: this one, or an authority above it.
            var now = DateTime.Now;
            var culprit = chain.ChainElements.Select(element => element.Certificate)
                .FirstOrDefault(element => now < element.NotBefore || now > element.NotAfter, certificate);
            var (what, time) = now > culprit.NotAfter ? ("expired", culprit.NotAfter) : ("is valid only", culprit.NotBefore);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{NameOf(culprit)} {what} {(what == "expired" ? "on" : "from")} {time.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC");
        }

        return (status & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != 0
            ? $"{name} is of another authority: it was issued by \"{certificate.Issuer}\""
            : $"{name} cannot be trusted: {string.Join(' ', chain.ChainStatus.Select(one => one.StatusInformation.Trim()))}";
    }

    private static string NameOf(X509Certificate2 certificate) => $"\"{certificate.Subject}\"";
}
