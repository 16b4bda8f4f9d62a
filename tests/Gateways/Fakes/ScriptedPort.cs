using Atoll.Node.Requests;

namespace Atoll.Gateways.Tests.Fakes;

/// <summary>
/// A port that answers as a function says, at once; without an answer the request stays open until <see cref="CompleteOpen"/>.
/// </summary>
internal sealed class ScriptedPort : IRequestPort
{
    private readonly Lock _lock = new();
    private readonly List<(Request Request, IResponseSink Sink)> _open = [];
    private readonly Func<Request, int, Response?> _script;
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="script">Gets the request and its number, from 0.</param>
    public ScriptedPort(Func<Request, int, Response?> script) => _script = script;

    public List<Request> Requests { get; } = [];

    public void Submit(Request request, IResponseSink sink)
    {
        Response? response;
        lock (_lock)
        {
            Requests.Add(request);
            response = _script(request, Requests.Count - 1);
            if (response is null)
            {
                _open.Add((request, sink));
            }

            _arrived.TrySetResult();
            _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        if (response is { } answer)
        {
            sink.Complete(request, answer);
        }
    }

    /// <summary>The requests so far, while more may come.</summary>
    public Request[] Snapshot()
    {
        lock (_lock)
        {
            return [.. Requests];
        }
    }

    public void CompleteOpen(Response response)
    {
        (Request Request, IResponseSink Sink)[] open;
        lock (_lock)
        {
            open = [.. _open];
            _open.Clear();
        }

        foreach (var (request, sink) in open)
        {
            sink.Complete(request, response);
        }
    }

    public async Task WhenOpenAsync(int count)
    {
        while (true)
        {
            Task arrived;
            lock (_lock)
            {
                if (_open.Count >= count)
                {
                    return;
                }

                arrived = _arrived.Task;
            }

            await arrived.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }
}
