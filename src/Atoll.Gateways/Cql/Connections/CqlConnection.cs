using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>
/// One client: the bytes that come go through the <see cref="CqlConnectionCore"/>; statements are begun as they come, and answered as they
/// are done. What is under way when the client goes is cancelled.
/// </summary>
internal sealed partial class CqlConnection : IDisposable
{
    private readonly PipeReader _input;
    private readonly CqlGatewayOptions _options;
    private readonly IPAddress _client;
    private readonly StatementServer _statements;
    private readonly StatementTraces _traces;
    private readonly ILogger _logger;
    private readonly CqlConnectionCore _core;
    private readonly CqlReplies _replies;
    private readonly ITableSession _session;
    private readonly CancellationTokenSource _gone = new();
    private TableUser? _user;
    private long _waitingSince;
    private bool _leaving;
    private string _whyEnded = "";

    public CqlConnection(
        IDuplexPipe transport, IPAddress client, StatementServer statements, StatementTraces traces, CqlGatewayOptions options,
        ILogger logger)
    {
        _client = client;
        _traces = traces;
        _input = transport.Input;
        _options = options;
        _statements = statements;
        _logger = logger;
        _core = new CqlConnectionCore(options.BodyBytesMax, options.Authenticator.IsRequired);
        _replies = new CqlReplies(transport.Output, options);
        _session = statements.OpenSession();
        _waitingSince = options.Time.GetTimestamp();
    }

    /// <summary>What the client calls itself.</summary>
    public string ClientName { get; private set; } = "before its start";

    /// <summary>Serves the client until either side ends it.</summary>
    /// <returns>Why it ended; empty when the client just left.</returns>
    public async Task<string> RunAsync(bool isFull)
    {
        try
        {
            if (isFull)
            {
                _whyEnded = $"this node has {_options.ConnectionsMax} connections already";
                _replies.Answer(CqlVersion.V4, 0, new ErrorResponse(CqlErrorCode.Overloaded, _whyEnded));
            }
            else
            {
                await ServeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ConnectionAbortedException
            or ConnectionResetException)
        {
            // The connection broke: the client knows as much as this side does.
            _replies.Abort();
        }

        await _replies.CompleteAsync().ConfigureAwait(false);
        await _gone.CancelAsync().ConfigureAwait(false);
        await _input.CompleteAsync().ConfigureAwait(false);
        return Volatile.Read(ref _whyEnded);
    }

    /// <summary>The transport is gone.</summary>
    public void Abort()
    {
        _replies.Abort();
        _input.CancelPendingRead();
    }

    /// <summary>The node shuts down: what is under way is answered, nothing new is taken.</summary>
    public void GoAway()
    {
        Volatile.Write(ref _leaving, true);
        _input.CancelPendingRead();
    }

    /// <summary>Tells the client what happened, when it wants to know.</summary>
    public void Push(CqlEvent happened)
    {
        if (!_replies.Push(happened))
        {
            End("it took nothing of what it was sent");
        }
    }

    /// <summary>Called about once a second: ends the connection of a client that is too slow.</summary>
    public void CheckPace()
    {
        if (_replies.IsStuck)
        {
            End("it took nothing of what it was sent");
            return;
        }

        var since = Volatile.Read(ref _waitingSince);
        var waited = since == 0 ? TimeSpan.Zero : _options.Time.GetElapsedTime(since);
        if (!_core.IsReady && waited > _options.StartupTimeout)
        {
            End($"it did not start within {_options.StartupTimeout.TotalSeconds:0} s");
        }
        else if (_core.IsReady && IsInFrame && waited > _options.FrameTimeout)
        {
            End($"the rest of a frame did not come within {_options.FrameTimeout.TotalSeconds:0} s");
        }
        else if (_core.IsReady && !_replies.HasRegistered && _replies.InFlight == 0 && waited > _options.IdleTimeout)
        {
            End($"nothing came within {_options.IdleTimeout.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc />
    public void Dispose() => _gone.Dispose();

    private bool IsInFrame { get; set; }

    private void End(string why)
    {
        Interlocked.CompareExchange(ref _whyEnded, why, "");
        Abort();
    }

    private async Task ServeAsync()
    {
        while (!Volatile.Read(ref _leaving) && !_core.IsClosed && !_replies.IsAborted)
        {
            await _replies.WhenRoomAsync().ConfigureAwait(false);
            var result = await _input.ReadAsync().ConfigureAwait(false);
            var left = await TakeAsync(result.Buffer).ConfigureAwait(false);
            var wasInFrame = IsInFrame;
            IsInFrame = !left.IsEmpty || _core.IsInFrame;
            if (_core.IsReady && (left.Length < result.Buffer.Length || (IsInFrame && !wasInFrame)))
            {
                // Time to start counts from the beginning, time for a frame from its first byte, idle time from the last frame.
                Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
            }

            var isLast = result.IsCompleted;
            _input.AdvanceTo(left.Start, left.End);
            if (isLast)
            {
                if (IsInFrame && !_core.IsClosed)
                {
                    Interlocked.CompareExchange(ref _whyEnded, "it was closed in the middle of a frame", "");
                }

                break; // whoever has gone for good is known by the transport's end, and nothing is waited for then
            }
        }

        await _replies.WhenAnsweredAsync().ConfigureAwait(false);
    }

    /// <summary>Takes all whole frames, as long as there is room for their answers.</summary>
    /// <returns>What is left.</returns>
    private async ValueTask<ReadOnlySequence<byte>> TakeAsync(ReadOnlySequence<byte> buffer)
    {
        while (!_core.IsClosed && !_replies.IsAborted && !Volatile.Read(ref _leaving))
        {
            await _replies.WhenRoomAsync().ConfigureAwait(false);
            switch (_core.Next(ref buffer))
            {
                case ServeAction serve:
                    _replies.Begin();
                    _ = ServeAsync(serve);
                    break;
                case AnswerAction answer:
                    _replies.Answer(answer.Version, answer.Stream, answer.Response);
                    break;
                case StartAction start:
                    ClientName = start.ClientName;
                    _replies.Answer(start);
                    break;
                case RegisterAction register:
                    _replies.Answer(register);
                    break;
                case AuthenticateAction authenticate:
                    if (!await AuthenticateAsync(authenticate).ConfigureAwait(false))
                    {
                        GoAway(); // there is nothing that it may say
                    }

                    break;
                case CloseAction close:
                    _replies.Answer(close.Version, close.Stream, close.Response);
                    Interlocked.CompareExchange(ref _whyEnded, close.Response.Message, "");
                    break;
                default:
                    return buffer;
            }
        }

        return buffer;
    }

    private async Task<bool> AuthenticateAsync(AuthenticateAction action)
    {
        try
        {
            _user = await _options.Authenticator.AuthenticateAsync(action.UserName, action.Password, _gone.Token).ConfigureAwait(false);
        }
        catch (CqlException error)
        {
            Interlocked.CompareExchange(ref _whyEnded, error.Message, "");
            _replies.Answer(_core.Version, action.Stream, new ErrorResponse(error.Code, error.Message));
            return false;
        }

        if (_user is null)
        {
            var refusal = $"The user name \"{action.UserName}\" and the password do not belong together";
            Interlocked.CompareExchange(ref _whyEnded, "it has no good credentials", "");
            _replies.Answer(_core.Version, action.Stream, new ErrorResponse(CqlErrorCode.BadCredentials, refusal));
            return false;
        }

        _core.Authenticated();
        Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
        _replies.Answer(_core.Version, action.Stream, new AuthSuccessResponse(null));
        return true;
    }

    private async Task ServeAsync(ServeAction action)
    {
        CqlResponse? response = null;
        var (startedAt, started) = action.Request.Tracing ? (_options.Time.GetUtcNow(), _options.Time.GetTimestamp()) : default;
        try
        {
            response = await _statements.ServeAsync(_session, _core.Version, _user, action.Request, _gone.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            // Nobody waits for the answer.
        }
        catch (Exception failure)
        {
            LogFailed(_logger, action.Request.Opcode, failure);
            response = new ErrorResponse(CqlErrorCode.ServerError, $"{failure.GetType().Name}: {failure.Message}");
        }

        if (action.Request.Tracing && response is not null and not ErrorResponse)
        {
            var id = response.TraceId ?? _traces.NewId(startedAt);
            response = response with { TraceId = id };
            _traces.Keep(TraceOf(id, startedAt, _options.Time.GetElapsedTime(started), action.Request, response));
        }

        _replies.End(action.Stream, response);
    }

    private StatementTrace TraceOf(Guid id, DateTimeOffset startedAt, TimeSpan duration, CqlRequest request, CqlResponse response)
    {
        var (name, query, options) = request switch
        {
            QueryRequest text => ("Execute CQL3 query", Traced(text.Query), text.Options),
            ExecuteRequest prepared => ("Execute CQL3 prepared query", Convert.ToHexStringLower(prepared.Id.Span), prepared.Options),
            PrepareRequest prepare => ("Preparing CQL3 query", Traced(prepare.Query), StatementOptions.Default),
            BatchRequest batch => ("Execute batch of CQL3 queries", $"{batch.Items.Count} statements", batch.Options),
            _ => (request.Opcode.ToString(), "", StatementOptions.Default),
        };
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["query"] = query, ["consistency_level"] = MessageParts.NameOf(options.Consistency),
            ["page_size"] = options.PageSize.ToString(CultureInfo.InvariantCulture),
        };
        var outcome = response is RowsResponse rows ? $"Answered with {rows.Rows.Count} rows" : "Done";
        return new StatementTrace(id, _client, _options.Coordinator, startedAt, duration, name, parameters, outcome);
    }

    // Whoever may log in may read all traces: passwords of roles must not be in them.
    private static string Traced(string query) =>
        query.Contains("password", StringComparison.OrdinalIgnoreCase) ? "(a statement about a password)" : query;

    [LoggerMessage(EventId = 4102, Level = LogLevel.Error, Message = "A {Opcode} failed by a fault of the server")]
    private static partial void LogFailed(ILogger logger, CqlOpcode opcode, Exception failure);
}
