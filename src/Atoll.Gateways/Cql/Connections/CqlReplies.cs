using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Connections;
using Atoll.Gateways.Cql.Compression;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>The way out of a connection: answers and events gather as the client's version frames them, and leave together.</summary>
internal sealed class CqlReplies(PipeWriter pipe, CqlGatewayOptions options)
    : GatheredReplies(pipe, options.Time, options.FrameTimeout, options.OutgoingBytesMax)
{
    private readonly CqlOutput _output = new();
    private CqlVersion _version = CqlProtocol.VersionMax;
    private CqlEventTypes _eventTypes;

    /// <summary>Whether the client waits for events.</summary>
    public bool HasRegistered => _eventTypes != CqlEventTypes.None;

    /// <inheritdoc />
    protected override int WaitingBytes => _output.WaitingBytes;

    /// <summary>An answer that nothing was begun for.</summary>
    public void Answer(CqlVersion version, short stream, CqlResponse response)
    {
        bool start;
        lock (Gate)
        {
            _output.Write(version, stream, response);
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>The answer to STARTUP: what comes after it is as it agreed.</summary>
    public void Answer(StartAction action)
    {
        bool start;
        lock (Gate)
        {
            _output.Write(action.Version, action.Stream, action.Response);
            _output.Start(action.Version, action.Compression);
            _version = action.Version;
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>The answer to REGISTER: what happens from now on is pushed.</summary>
    public void Answer(RegisterAction action)
    {
        bool start;
        lock (Gate)
        {
            _output.Write(_version, action.Stream, new ReadyResponse());
            _eventTypes = action.EventTypes;
            start = MustStart();
        }

        Start(start);
    }

    /// <summary>Tells a client that has registered for such events.</summary>
    /// <returns>False when it takes nothing of what it is sent: its connection should be closed.</returns>
    public bool Push(CqlEvent happened)
    {
        var start = false;
        lock (Gate)
        {
            if ((_eventTypes & happened.Type) == 0 || IsAborted)
            {
                return true;
            }

            if (_output.WaitingBytes >= options.OutgoingBytesMax)
            {
                return false; // events come without being asked for: only this bounds them
            }

            _output.Write(_version, CqlProtocol.EventStream, new EventResponse(happened));
            start = MustStart();
        }

        Start(start);
        return true;
    }

    /// <summary>A statement is under way.</summary>
    public void Begin() => Began();

    /// <summary>It was answered; with nothing when the client has gone.</summary>
    public void End(short stream, CqlResponse? response)
    {
        var start = false;
        lock (Gate)
        {
            if (response is not null && !IsAborted)
            {
                _output.Write(_version, stream, response);
                start = MustStart();
            }

            Ended();
        }

        Start(start);
    }

    /// <inheritdoc />
    protected override WireWriter Take(WireWriter empty) => _output.Take(empty);

    /// <summary>Fewer statements are under way than may be, and less waits to be sent.</summary>
    protected override bool HasRoom() => InFlight < options.InFlightMax && base.HasRoom();
}
