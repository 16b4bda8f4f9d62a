using System.Buffers;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Connections;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>A connection without a socket: bytes go in, and those of the answers come out, all in one thread and one order.</summary>
internal sealed class CoreHost
{
    private readonly FakeTables _tables = new();
    private readonly PreparedStatements _prepared = new(100);
    private readonly StatementServer _statements;
    private readonly ITableSession _session;
    private readonly CqlConnectionCore _core;
    private readonly CqlOutput _output = new();
    private byte[] _pending = [];
    private CqlEventTypes _registered;
    private WireWriter _spare = new();

    public CoreHost(bool needsCredentials = false, int bodyBytesMax = 1024 * 1024)
    {
        _core = new CqlConnectionCore(bodyBytesMax, needsCredentials);
        _statements = new StatementServer(_tables, _prepared);
        _session = _statements.OpenSession();
        _tables.Subscribe(change => Push(new SchemaChangeEvent(change)));
    }

    /// <summary>Whether the server has closed the connection.</summary>
    public bool IsClosed { get; private set; }

    public CqlConnectionCore Core => _core;

    public FakeTables Tables => _tables;

    /// <summary>Takes bytes, which lie in pieces of so many; what is answered waits to be taken.</summary>
    public void Feed(ReadOnlySpan<byte> bytes, int pieceBytes = int.MaxValue)
    {
        _pending = [.. _pending, .. bytes];
        var left = Sequence(_pending, pieceBytes);
        while (!IsClosed && Do(_core.Next(ref left)))
        {
        }

        _pending = left.ToArray();
    }

    /// <summary>What the server sends.</summary>
    public byte[] Take()
    {
        var sent = _output.Take(_spare);
        var bytes = sent.ToArray();
        sent.Reset();
        _spare = sent;
        return bytes;
    }

    private bool Do(CqlAction action)
    {
        switch (action)
        {
            case AnswerAction answer:
                _output.Write(answer.Version, answer.Stream, answer.Response);
                break;
            case StartAction start:
                _output.Write(start.Version, start.Stream, start.Response);
                _output.Start(start.Version, start.Compression);
                break;
            case RegisterAction register:
                _registered = register.EventTypes;
                _output.Write(_core.Version, register.Stream, new ReadyResponse());
                break;
            case AuthenticateAction { UserName: "ada", Password: "secret" } good:
                _core.Authenticated();
                _output.Write(_core.Version, good.Stream, new AuthSuccessResponse(null));
                break;
            case AuthenticateAction bad:
                _output.Write(_core.Version, bad.Stream, new ErrorResponse(CqlErrorCode.BadCredentials, "no"));
                IsClosed = true;
                break;
            case ServeAction serve:
                _output.Write(_core.Version, serve.Stream, Serve(serve.Request));
                break;
            case CloseAction close:
                _output.Write(close.Version, close.Stream, close.Response);
                IsClosed = true;
                break;
            default:
                return false;
        }

        return true;
    }

    private CqlResponse Serve(CqlRequest request)
    {
        try
        {
            var answer = _statements.ServeAsync(_session, _core.Version, null, request, default);
            return answer.IsCompletedSuccessfully ? answer.Result : answer.AsTask().GetAwaiter().GetResult();
        }
        catch (InvalidDataException failure)
        {
            return new ErrorResponse(CqlErrorCode.ServerError, failure.Message);
        }
    }

    private void Push(CqlEvent happened)
    {
        if ((_registered & happened.Type) != 0)
        {
            _output.Write(_core.Version, -1, new EventResponse(happened));
        }
    }

    private static ReadOnlySequence<byte> Sequence(byte[] bytes, int pieceBytes)
    {
        var first = new Piece(bytes.AsMemory(0, Math.Min(pieceBytes, bytes.Length)), 0);
        var last = first;
        for (var i = first.Memory.Length; i < bytes.Length; i += last.Memory.Length)
        {
            last = last.Follow(bytes.AsMemory(i, Math.Min(pieceBytes, bytes.Length - i)));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public Piece Follow(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
