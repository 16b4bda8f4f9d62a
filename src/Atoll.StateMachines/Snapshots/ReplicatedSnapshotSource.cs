using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.StateMachines.Snapshots;

/// <summary>A replicated state at one moment, as a stream of frames that is handed out in slices of at most one chunk.</summary>
internal sealed class ReplicatedSnapshotSource : ISnapshotSource
{
    private readonly RequestTableOptions _options;
    private readonly LogIndex _index;
    private readonly HybridTime _now;
    private readonly ISnapshotSource _requests;
    private readonly ISnapshotSource _machine;
    private readonly WireWriter _frame = new(Limits.SnapshotChunkBytes + 4096);
    private SnapshotFrameKind _next = SnapshotFrameKind.Header;
    private ulong _frames;
    private uint _chain;
    private int _handedOut;
    private bool _ended;

    internal ReplicatedSnapshotSource(
        RequestTableOptions options, LogIndex index, HybridTime now, ISnapshotSource requests, ISnapshotSource machine)
    {
        _options = options;
        _index = index;
        _now = now;
        _requests = requests;
        _machine = machine;
    }

    public bool IsWaiting => _machine.IsWaiting;

    public string? Error => _machine.Error;

    public void Load(Action ready) => _machine.Load(ready);

    public void Dispose()
    {
        _requests.Dispose();
        _machine.Dispose();
    }

    public bool TryNext(WireWriter slice)
    {
        var left = Limits.SnapshotChunkBytes;
        while (left > 0)
        {
            if (_handedOut == _frame.Length && !TryMakeFrame())
            {
                break;
            }

            var piece = Math.Min(left, _frame.Length - _handedOut);
            slice.WriteRaw(_frame.Written.Slice(_handedOut, piece));
            _handedOut += piece;
            left -= piece;
        }

        return left < Limits.SnapshotChunkBytes;
    }

    private bool TryMakeFrame()
    {
        if (_ended)
        {
            return false;
        }

        _handedOut = 0;
        SnapshotFrames.Begin(_frame, _next);
        if (_next == SnapshotFrameKind.Header)
        {
            WriteHeader();
            _next = SnapshotFrameKind.Requests;
        }
        else if (_next == SnapshotFrameKind.Requests && !_requests.TryNext(_frame))
        {
            _next = SnapshotFrameKind.Machine;
            return TryMakeFrame();
        }
        else if (_next == SnapshotFrameKind.Machine && !_machine.TryNext(_frame))
        {
            if (_machine.IsWaiting || _machine.Error is not null)
            {
                _frame.Reset();
                return false;
            }

            _next = SnapshotFrameKind.End;
            return TryMakeFrame();
        }
        else if (_next == SnapshotFrameKind.End)
        {
            _frame.WriteUInt64(_frames);
            _frame.WriteUInt32(_chain);
            _ended = true;
        }

        _chain = SnapshotFrames.Chain(_chain, SnapshotFrames.Finish(_frame));
        _frames++;
        return true;
    }

    private void WriteHeader()
    {
        _frame.WriteUInt32(SnapshotHeader.Magic);
        _frame.WriteUInt16(SnapshotHeader.FormatVersion);
        _frame.WriteUInt64(_index.Value);
        _frame.WriteUInt64(_now.Value);
        _frame.WriteUInt64((ulong)_options.Window.Nanoseconds);
        _frame.WriteVarint((ulong)_options.AnswersMax);
        _frame.WriteVarint((ulong)_options.AnswersPerClientMax);
    }
}
