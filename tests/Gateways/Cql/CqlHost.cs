using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>A CQL gateway on a free port of the loopback.</summary>
internal sealed class CqlHost : IAsyncDisposable
{
    private readonly WebApplication _application;

    private CqlHost(WebApplication application, int port)
    {
        _application = application;
        Port = port;
    }

    public int Port { get; }

    public CqlGateway Gateway => _application.Services.GetRequiredService<CqlGateway>();

    public static async Task<CqlHost> StartAsync(ITables tables, CqlGatewayOptions? options = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseConnectionHandler<CqlGateway>()));
        builder.Services.AddLogging();
        builder.Services.AddSingleton(tables);
        builder.Services.AddSingleton(new PreparedStatements(100));
        builder.Services.AddSingleton(new StatementTraces(100));
        builder.Services.AddSingleton(options ?? new CqlGatewayOptions());
        builder.Services.AddSingleton<CqlGateway>();
        var application = builder.Build();
        await application.StartAsync();
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new CqlHost(application, new Uri(address).Port);
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }
}

/// <summary>A client that sends requests and reads answers, over a socket.</summary>
internal sealed class CqlTestClient : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private readonly CqlFrameReader _reader = new(CqlProtocol.BodyBytesMax, isServer: false);
    private readonly CqlVersion _version;
    private byte[] _pending = [];
    private bool _isCompressed;

    private CqlTestClient(Socket socket, CqlVersion version) => (_socket, _version) = (socket, version);

    public static async Task<CqlTestClient> ConnectAsync(int port, CqlVersion version = CqlVersion.V4)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new CqlTestClient(socket, version);
    }

    /// <summary>Connects, and starts; compressed by LZ4 where that is asked for.</summary>
    public static async Task<CqlTestClient> StartAsync(int port, CqlVersion version = CqlVersion.V4, bool isCompressed = false)
    {
        var client = await ConnectAsync(port, version);
        var options = new Dictionary<string, string> { ["CQL_VERSION"] = "3.0.0" };
        if (isCompressed)
        {
            options["COMPRESSION"] = "lz4";
        }

        await client.SendAsync(0, new StartupRequest(options));
        var (_, answer) = await client.ReadAsync();
        Assert.True(answer is ReadyResponse or AuthenticateResponse, ResponseText.Of(answer));
        client._isCompressed = isCompressed;
        if (version >= CqlVersion.V5)
        {
            client._reader.StartSegments(isCompressed);
        }
        else
        {
            client._reader.StartCompression(isCompressed ? CqlCompression.Lz4 : CqlCompression.None);
        }

        return client;
    }

    public async Task SendAsync(short stream, CqlRequest request)
    {
        var writer = new WireWriter();
        RequestEncoder.Write(writer, _version, stream, request);
        if (_reader.IsInSegments)
        {
            var frames = writer;
            writer = new WireWriter();
            SegmentWriter.Write(frames.Written, _isCompressed, writer);
        }

        await SendAsync(writer.ToArray());
    }

    public Task SendAsync(short stream, string query) =>
        SendAsync(stream, new QueryRequest(query, StatementOptions.Default, false));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes)..];
        }
    }

    public async Task<CqlResponse> AskAsync(short stream, string query)
    {
        await SendAsync(stream, query);
        var (answered, response) = await ReadAsync();
        Assert.Equal(stream, answered);
        return response;
    }

    public async Task<(short Stream, CqlResponse Response)> ReadAsync()
    {
        using var patience = new CancellationTokenSource(Deadline);
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var left = new ReadOnlySequence<byte>(_pending);
            var status = _reader.TryRead(ref left, out var frame);
            _pending = left.ToArray();
            Assert.True(status != CqlReadStatus.Fault, _reader.Fault);
            if (status == CqlReadStatus.Frame)
            {
                Assert.True(ResponseDecoder.TryDecode(frame, FakeTables.Columns, out var response));
                return (frame.Header.Stream, response);
            }

            var count = await _socket.ReceiveAsync(buffer, patience.Token);
            if (count == 0)
            {
                throw new EndOfStreamException("the server closed the connection");
            }

            _pending = [.. _pending, .. buffer.AsSpan(0, count)];
        }
    }

    /// <summary>Whether the server closes the connection, without a word more.</summary>
    public async Task<bool> IsClosedAsync()
    {
        using var patience = new CancellationTokenSource(Deadline);
        try
        {
            return await _socket.ReceiveAsync(new byte[1], patience.Token) == 0;
        }
        catch (SocketException)
        {
            return true; // it was reset
        }
    }

    public void Dispose() => _socket.Dispose();
}
