using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;

namespace Atoll.Node.Routing;

/// <summary>
/// What a loop has to say to others, gathered a frame per receiver and lane until the batch of events ends: one system call and one
/// checksum for many messages. Frames that the network refuses are dropped, and the refusal is reported: all that
/// is said here may be lost anyway, and consensus and requests know how to live with that.
/// </summary>
public sealed class PeerOutbox
{
    private readonly INetwork _network;
    private readonly Action<LoopAddress, SendOutcome, long> _refused;

    // A list, searched linearly: a loop talks to a handful of others, and the order of sending must not depend on hashes.
    private readonly List<Frame> _frames = [];

    /// <summary>An outbox over the network.</summary>
    /// <param name="network">Where frames go.</param>
    /// <param name="refused">Told of each urgent frame that the network did not take, with its number.</param>
    public PeerOutbox(INetwork network, Action<LoopAddress, SendOutcome, long> refused)
    {
        _network = network;
        _refused = refused;
    }

    /// <summary>The number of the frame that the next part to that loop is in: frames that it is sent count up.</summary>
    public long NumberOf(LoopAddress to, Lane lane) => FrameTo(to, lane).Number;

    /// <summary>Starts a part of the frame to that loop; write its body to the result, then call <see cref="End"/>.</summary>
    public WireWriter Begin(LoopAddress to, Lane lane, PeerMessageKind kind, out int position)
    {
        var frame = FrameTo(to, lane);
        position = PeerFrame.Begin(frame.Writer, kind);
        return frame.Writer;
    }

    /// <summary>Ends a part. A frame that has become large leaves at once, with the part that made it so.</summary>
    public void End(LoopAddress to, Lane lane, int position)
    {
        var frame = FrameTo(to, lane);
        PeerFrame.End(frame.Writer, position);
        if (frame.Writer.Length >= Limits.AppendBatchBytes)
        {
            Send(frame);
        }
    }

    /// <summary>Sends every frame that has something in it.</summary>
    public void Flush()
    {
        // By index: a refusal may put new parts into frames that were already looked at; they leave with the next batch.
        for (var i = 0; i < _frames.Count; i++)
        {
            if (_frames[i].Writer.Length > 0)
            {
                Send(_frames[i]);
            }
        }
    }

    /// <summary>Whether anything waits for <see cref="Flush"/>.</summary>
    public bool HasWork
    {
        get
        {
            foreach (var frame in _frames)
            {
                if (frame.Writer.Length > 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private void Send(Frame frame)
    {
        var outcome = frame.Writer.Length > Limits.MessageBytesMax
            ? SendOutcome.Full
            : _network.Send(frame.To, frame.Lane, frame.Writer.Written);
        frame.Writer.Reset();
        var number = frame.Number++;
        if (outcome != SendOutcome.Queued && frame.Lane == Lane.Urgent)
        {
            _refused(frame.To, outcome, number);
        }
    }

    private Frame FrameTo(LoopAddress to, Lane lane)
    {
        foreach (var frame in _frames)
        {
            if (frame.To == to && frame.Lane == lane)
            {
                return frame;
            }
        }

        var added = new Frame(to, lane, new WireWriter(4096));
        _frames.Add(added);
        return added;
    }

    private sealed record Frame(LoopAddress To, Lane Lane, WireWriter Writer)
    {
        public long Number { get; set; }
    }
}
