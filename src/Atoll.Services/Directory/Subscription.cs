namespace Atoll.Services.Directory;

/// <summary>What ends when it is disposed, once.</summary>
internal sealed class Subscription(Action end) : IDisposable
{
    private Action? _end = end;

    /// <inheritdoc />
    public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
}
