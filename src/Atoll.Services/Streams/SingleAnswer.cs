using Atoll.Node.Requests;

namespace Atoll.Services.Streams;

/// <summary>Waits for the end of a request that is sent once, whatever it is.</summary>
internal sealed class SingleAnswer() : TaskCompletionSource<Response>(TaskCreationOptions.RunContinuationsAsynchronously), IResponseSink
{
    /// <inheritdoc />
    public void Complete(Request request, in Response response) => SetResult(response);
}
