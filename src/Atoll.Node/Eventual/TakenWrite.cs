using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>A coordinator's write on its way into a replica's log; its end is the coordinator's answer.</summary>
internal sealed class TakenWrite : IResponseSink
{
    private readonly LoopAddress _from;
    private readonly ulong _operation;
    private readonly ulong _epoch;
    private readonly ulong _range;
    private readonly Action<LoopAddress, EventualMessage> _answer;

    /// <param name="from">Who is answered.</param>
    /// <param name="message">What was asked.</param>
    /// <param name="answer">Sends the answer.</param>
    public TakenWrite(LoopAddress from, in EventualMessage message, Action<LoopAddress, EventualMessage> answer)
    {
        _from = from;
        (_operation, _epoch, _range) = (message.Operation, message.Epoch, message.Range);
        _answer = answer;
    }

    /// <inheritdoc />
    public void Complete(Request request, in Response response)
    {
        var status = AppliedCommand.StatusOf(response, out _);
        if (status == ResponseStatus.Ok)
        {
            _answer(_from, Answer(EventualMessageKind.Written));
        }
        else if (status != ResponseStatus.OutcomeUnknown)
        {
            _answer(_from, Answer(EventualMessageKind.WriteRefused) with { Reason = ReasonOf(status) });
        }
    }

    /// <summary>Why a replica refuses what its log or its state did not take.</summary>
    public static RefusalReason ReasonOf(ResponseStatus status) => status switch
    {
        ResponseStatus.DiskFull or ResponseStatus.Faulted => RefusalReason.DiskFailed,
        ResponseStatus.TooLarge => RefusalReason.TooLarge,
        ResponseStatus.Invalid => RefusalReason.Invalid,
        _ => RefusalReason.Overloaded,
    };

    private EventualMessage Answer(EventualMessageKind kind) =>
        new() { Kind = kind, Operation = _operation, Epoch = _epoch, Range = _range };
}
