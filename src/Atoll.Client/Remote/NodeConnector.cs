using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Live.Networks;
using Atoll.Services.Native;

namespace Atoll.Client.Remote;

/// <summary>Makes a connection to a node: TCP, TLS when wanted, and the handshake.</summary>
internal static class NodeConnector
{
    /// <summary>Connects; the stream is ready for the hello.</summary>
    /// <exception cref="AuthenticationException">The node could not show that it is one; the message says why.</exception>
    public static async Task<Stream> ConnectAsync(string address, RemoteOptions options, CancellationToken cancellation)
    {
        var (host, port) = RemoteOptions.ParseAddress(address);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellation).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var network = new NetworkStream(socket, ownsSocket: true);
        if (options.Tls is null)
        {
            return network;
        }

        var tls = new SslStream(network);
        var callback = options.Tls.RemoteCertificateValidationCallback;
        string? problem = null;
        try
        {
            var authentication = new SslClientAuthenticationOptions
            {
                TargetHost = string.IsNullOrEmpty(options.Tls.TargetHost) ? host : options.Tls.TargetHost,
                ClientCertificates = options.Tls.ClientCertificates,
                ClientCertificateContext = options.Tls.ClientCertificateContext,
                RemoteCertificateValidationCallback = callback ?? ((_, certificate, chain, errors) =>
                    (problem = CertificateJudgement.WhyNot(certificate as X509Certificate2, chain, errors, host)) is null),
                CertificateChainPolicy = options.Tls.CertificateChainPolicy,
                CertificateRevocationCheckMode = options.Tls.CertificateRevocationCheckMode,
                EnabledSslProtocols = options.Tls.EnabledSslProtocols,
            };
            await tls.AuthenticateAsClientAsync(authentication, cancellation).ConfigureAwait(false);
            return tls;
        }
        catch (AuthenticationException failure)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw new AuthenticationException(
                problem is null
                    ? $"TLS cannot be agreed on (does the node speak it?): {failure.Message}" : $"the node's certificate {problem}",
                failure);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Says hello and reads the answer, which may be a refusal.</summary>
    /// <exception cref="IOException">The other side does not speak this protocol, or went away.</exception>
    public static async Task<ServerHello> ShakeHandsAsync(Stream stream, RemoteOptions options, CancellationToken cancellation)
    {
        var writer = new WireWriter();
        new ClientHello(
            NativeProtocol.VersionMin, NativeProtocol.VersionMax, Encoding.UTF8.GetBytes(options.Token), options.ClientName).Write(writer);
        await stream.WriteAsync(writer.WrittenMemory, cancellation).ConfigureAwait(false);

        var header = new byte[HelloFrame.HeaderBytes];
        await ReadExactlyAsync(stream, header, cancellation).ConfigureAwait(false);
        var error = HelloFrame.ReadHeader(header, out var version, out var code, out var bodyBytes);
        if (error != NativeError.None)
        {
            throw new IOException("what listens there does not speak Atoll's native protocol (is it the HTTP port, or TLS?)");
        }

        var body = new byte[bodyBytes];
        await ReadExactlyAsync(stream, body, cancellation).ConfigureAwait(false);
        if (!HelloFrame.IsIntact(header, body) || !ServerHello.TryRead(version, code, body, out var hello))
        {
            throw new IOException("the node's hello is garbled");
        }

        if (hello.Error == NativeError.None && hello.Version is < NativeProtocol.VersionMin or > NativeProtocol.VersionMax)
        {
            throw new IOException($"the node chose protocol version {hello.Version}, which this client does not speak");
        }

        return hello;
    }

    private static async Task ReadExactlyAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            await stream.ReadExactlyAsync(buffer, cancellation).ConfigureAwait(false);
        }
        catch (EndOfStreamException)
        {
            throw new IOException("the other side closed the connection during the handshake (does it want TLS?)");
        }
    }
}
