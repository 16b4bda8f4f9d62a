using Atoll.Node.Requests;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>A command of a replica's own on its way through its log.</summary>
/// <param name="done">Told of the end: whether it is applied and durable, and what came of it.</param>
internal sealed class AppliedCommand(Action<ResponseStatus, EventualResult> done) : IResponseSink
{
    /// <inheritdoc />
    public void Complete(Request request, in Response response)
    {
        var status = StatusOf(response, out var result);
        done(status, result);
    }

    /// <summary>How a command ended: one that was applied may still have been refused by the machine.</summary>
    public static ResponseStatus StatusOf(in Response response, out EventualResult result)
    {
        var isResult = EventualResult.TryRead(response.Body, out result);
        return response.Status != ResponseStatus.Ok ? response.Status
            : isResult && result.Status == EventualStatus.Ok ? ResponseStatus.Ok
            : isResult && result.Status == EventualStatus.TooLarge ? ResponseStatus.TooLarge
            : isResult && result.Status == EventualStatus.Forgotten ? ResponseStatus.RequestExpired
            : ResponseStatus.Invalid;
    }
}
