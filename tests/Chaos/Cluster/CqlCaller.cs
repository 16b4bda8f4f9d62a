using System.Net;
using System.Net.Sockets;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>How a statement ended for who asked.</summary>
internal enum CallOutcome
{
    /// <summary>It was acknowledged, or answered.</summary>
    Done,

    /// <summary>It has had no effect, and will have none.</summary>
    Refused,

    /// <summary>Nobody can say.</summary>
    Unknown,
}

/// <summary>What came back for a statement.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Response">The answer; null when none came.</param>
/// <param name="Problem">What went wrong; empty when nothing did.</param>
internal readonly record struct CallResult(CallOutcome Outcome, CqlResponse? Response, string Problem);

/// <summary>
/// A connection of CQL's protocol to one node and no other, one statement at a time; made anew when it broke. No driver: nothing is tried
/// again, at another node least of all.
/// </summary>
/// <param name="node">Where to.</param>
internal sealed class CqlCaller(IPEndPoint node) : IDisposable
{
    private static readonly TimeSpan ConnectBound = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(30); // longer than any node lets a statement take

    private readonly WireWriter _output = new();
    private Socket? _socket;

    /// <summary>Asks, and says how it ended.</summary>
    /// <param name="query">The statement.</param>
    /// <param name="consistency">Its level.</param>
    /// <param name="pageSize">Rows of a page; 0: all.</param>
    /// <param name="pagingState">Where to go on.</param>
    public async Task<CallResult> AskAsync(
        string query, CqlConsistency consistency, int pageSize = 0, ReadOnlyMemory<byte> pagingState = default)
    {
        var isSent = false;
        try
        {
            if (_socket is null)
            {
                await ConnectAsync();
            }

            var options = StatementOptions.Default with { Consistency = consistency, PageSize = pageSize, PagingState = pagingState };
            isSent = true;
            var response = await AskAsync(new QueryRequest(query, options, SkipMetadata: false), AnswerBound);
            return response is ErrorResponse error
                ? new CallResult(OutcomeOf(error.Code), error, $"{error.Code}: {error.Message}")
                : new CallResult(CallOutcome.Done, response, "");
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            Dispose();
            return new CallResult(isSent ? CallOutcome.Unknown : CallOutcome.Refused, null, isSent ? "no answer" : "no connection");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private static CallOutcome OutcomeOf(CqlErrorCode code) => code switch
    {
        CqlErrorCode.Unavailable or CqlErrorCode.Overloaded or CqlErrorCode.IsBootstrapping => CallOutcome.Refused,
        CqlErrorCode.ReadTimeout or CqlErrorCode.ReadFailure => CallOutcome.Refused,
        _ => CallOutcome.Unknown,
    };

    private async Task ConnectAsync()
    {
        var socket = new Socket(node.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var bound = new CancellationTokenSource(ConnectBound);
            await socket.ConnectAsync(node, bound.Token);
            _socket = socket;
            var versions = new Dictionary<string, string> { ["CQL_VERSION"] = CqlProtocol.LanguageVersion };
            if (await AskAsync(new StartupRequest(versions), ConnectBound) is not ReadyResponse)
            {
                throw new IOException("it does not let this client in");
            }
        }
        catch
        {
            socket.Dispose();
            _socket = null;
            throw;
        }
    }

    private async Task<CqlResponse> AskAsync(CqlRequest request, TimeSpan bound)
    {
        using var cancellation = new CancellationTokenSource(bound);
        _output.Reset();
        RequestEncoder.Write(_output, CqlVersion.V4, stream: 0, request);
        await _socket!.SendAsync(_output.WrittenMemory, cancellation.Token);
        var header = CqlFrameHeader.Read(await ReceiveAsync(CqlFrameHeader.Bytes, cancellation.Token));
        var frame = new CqlFrame(header, await ReceiveAsync(checked((int)header.BodyBytes), cancellation.Token));
        return ResponseDecoder.TryDecode(frame, null, out var response) ? response : throw new IOException("an answer cannot be read");
    }

    private async Task<byte[]> ReceiveAsync(int count, CancellationToken cancellation)
    {
        var bytes = new byte[count];
        for (var have = 0; have < count;)
        {
            var more = await _socket!.ReceiveAsync(bytes.AsMemory(have), cancellation);
            have += more > 0 ? more : throw new IOException("the connection was closed");
        }

        return bytes;
    }
}
