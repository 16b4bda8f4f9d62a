using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// Takes a snapshot's stream, cut anywhere, puts the frames together again and builds a state of them beside the one in use.
/// </summary>
internal sealed class ReplicatedSnapshotTarget : ISnapshotTarget
{
    private static readonly Probe Refused = Probe.Define("snapshot: a garbled one is refused");

    // A state's time follows the stamps and goes on by one for each command: it may stand behind the latest stamp that there is.
    private static readonly HybridTime NowMax = new(CommandEnvelope.StampMax.Value + (1UL << 62));

    private readonly RequestTableOptions _options;
    private readonly LogIndex _expectedIndex;
    private readonly ReadOnlyMemory<byte> _note;
    private readonly IStateLoad? _load;
    private readonly Func<HybridTime, IMachineTarget> _beginMachine;
    private readonly Func<SnapshotHeader, string?> _refuse;
    private readonly Action<SnapshotHeader, RequestTable, IMachineTarget> _install;
    private readonly RequestTable _table;

    // The beginning of a frame whose rest has not arrived.
    private readonly WireWriter _pending = new();

    // The machine's own part; from the header on.
    private IMachineTarget? _machine;

    private SnapshotHeader _header;
    private SnapshotFrameKind _last;
    private ulong _frames;
    private uint _chain;
    private bool _finished;

    internal ReplicatedSnapshotTarget(
        RequestTableOptions options,
        LogIndex expectedIndex,
        ReadOnlyMemory<byte> note,
        IStateLoad? load,
        Func<HybridTime, IMachineTarget> beginMachine,
        Func<SnapshotHeader, string?> refuse,
        Action<SnapshotHeader, RequestTable, IMachineTarget> install)
    {
        _note = note;
        _load = load;
        _refuse = refuse;
        _options = options;
        _expectedIndex = expectedIndex;
        _beginMachine = beginMachine;
        _install = install;
        _table = new RequestTable(options);
    }

    public string? Error { get; private set; }

    public bool IsOutOfSpace { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        Check.That(!_finished);
        while (Error is null && !slice.IsEmpty)
        {
            // Whole frames are read where they lie; only one that a slice cuts is gathered.
            if (_pending.Length == 0 && TryMeasure(slice.Span, out var length) && slice.Length >= length)
            {
                Take(slice[..length]);
                slice = slice[length..];
            }
            else
            {
                slice = Gather(slice);
            }
        }

        return Error is null;
    }

    public void WhenDrained(Action ready)
    {
        if (_load is null || Error is not null)
        {
            ready();
        }
        else
        {
            _load.WhenDrained(ready);
        }
    }

    public void Finish(Action<string?> done)
    {
        Check.That(!_finished);
        _finished = true;
        if (Error is null && (_pending.Length > 0 || _last != SnapshotFrameKind.End))
        {
            Refuse("the snapshot ends too early");
        }

        if (Error is null && _refuse(_header) is { } why)
        {
            Refuse(why);
        }

        if (Error is null && !_machine!.Complete())
        {
            Refuse(_machine.Error ?? "the machine refused the snapshot");
        }

        if (Error is not null)
        {
            _load?.Abandon();
            done(Error);
        }
        else if (_load is null)
        {
            _install(_header, _table, _machine!);
            done(null);
        }
        else
        {
            StatePersistence.PutInto(_load, _table, _options, new SnapshotState(_header.Index, _header.Now, _note), _machine!.Meta.Span);
            _load.Finish(_header.Index, _header.Now, result =>
            {
                if (result.IsOk)
                {
                    _install(_header, _table, _machine!);
                }
                else
                {
                    IsOutOfSpace = result.Status == DiskStatus.Full;
                    Refuse($"the store cannot take the snapshot: {result.Detail ?? result.Status.ToString()}");
                }

                done(Error);
            });
        }
    }

    public void Abandon()
    {
        if (!_finished)
        {
            _finished = true;
            _load?.Abandon();
        }
    }

    /// <summary>Adds to the pending frame what belongs to it; gives back the rest.</summary>
    private ReadOnlyMemory<byte> Gather(ReadOnlyMemory<byte> slice)
    {
        var wanted = TryMeasure(_pending.Written, out var length) ? length : SnapshotFrames.HeaderBytes;
        if (Error is not null)
        {
            return default;
        }

        var piece = Math.Min(slice.Length, wanted - _pending.Length);
        _pending.WriteRaw(slice.Span[..piece]);
        if (TryMeasure(_pending.Written, out length) && _pending.Length == length)
        {
            Take(_pending.WrittenMemory);
            _pending.Reset();
        }

        return slice[piece..];
    }

    /// <summary>The whole length of the frame that begins here, once its length has arrived.</summary>
    private bool TryMeasure(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        if (bytes.Length < SnapshotFrames.HeaderBytes)
        {
            return false;
        }

        var body = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (body is 0 or > SnapshotFrames.BodyBytesMax)
        {
            Refuse($"a frame claims {body} bytes");
            return false;
        }

        length = SnapshotFrames.HeaderBytes + (int)body;
        return true;
    }

    private void Take(ReadOnlyMemory<byte> frame)
    {
        var body = frame[SnapshotFrames.HeaderBytes..];
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(frame.Span[4..]);
        if (Crc32C.Compute(body.Span) != checksum)
        {
            Refuse($"frame {_frames} fails its checksum");
            return;
        }

        var reader = new WireReader(body);
        var kind = (SnapshotFrameKind)reader.ReadByte();
        var inOrder = _frames == 0
            ? kind == SnapshotFrameKind.Header
            : kind >= _last && kind is > SnapshotFrameKind.Header and <= SnapshotFrameKind.End;
        if (!inOrder || _last == SnapshotFrameKind.End)
        {
            Refuse($"frame {_frames} is out of order");
            return;
        }

        var error = kind switch
        {
            SnapshotFrameKind.Header => TakeHeader(ref reader),
            SnapshotFrameKind.Requests => RequestTableSnapshotSource.TryRead(body[1..], _table, _options)
                ? null : $"frame {_frames} holds no requests",
            SnapshotFrameKind.Machine => _machine!.Accept(body[1..]) ? null : _machine.Error,
            _ => reader.ReadUInt64() == _frames & reader.ReadUInt32() == _chain && reader.OkAtEnd
                ? null : "frames are missing or doubled",
        };
        if (error is not null)
        {
            Refuse(error);
            return;
        }

        _last = kind;
        _frames++;
        _chain = SnapshotFrames.Chain(_chain, checksum);
    }

    private string? TakeHeader(ref WireReader reader)
    {
        var error = SnapshotHeader.Read(ref reader, _options, out _header);
        error ??= _header.Index != _expectedIndex ? $"the snapshot is of index {_header.Index}, not of {_expectedIndex}"
            : _header.Now > NowMax ? $"the snapshot's time {_header.Now} is beyond any that a state can reach"
            : null;
        _machine = error is null ? _beginMachine(_header.Now) : null;
        return error;
    }

    private void Refuse(string error)
    {
        Error ??= error;
        Refused.Hit();
    }
}
