using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Atoll.Foundation.Checks;
using Microsoft.AspNetCore.Http;

namespace Atoll.Gateways.Http;

/// <summary>
/// An answer of server-sent events (HTML Living Standard, section 9.2), written by several in turn. Who writes waits until the client has
/// taken what was written before, but for what Kestrel buffers of an answer. Nothing else is kept for a client that is slow.
/// </summary>
internal sealed class EventStream : IAsyncDisposable
{
    public const string MediaType = "text/event-stream";
    private const int FlushBytes = 64 * 1024;

    private readonly HttpContext _context;
    private readonly PipeWriter _output;
    private readonly Utf8JsonWriter _writer;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly PeriodicTimer _timer;
    private readonly CancellationTokenSource _ended = new();
    private Task _keepingAlive = Task.CompletedTask;
    private bool _wasQuiet;
    private long _unflushed;

    /// <summary>An answer that has not begun.</summary>
    /// <param name="context">The request.</param>
    /// <param name="time">The clock of the keep-alive comments.</param>
    /// <param name="keepAlive">After how long without an event a comment is written, at most twice that.</param>
    public EventStream(HttpContext context, TimeProvider time, TimeSpan keepAlive)
    {
        _context = context;
        _output = context.Response.BodyWriter;
        _writer = new Utf8JsonWriter(_output, RecordJson.WriterOptions);
        _timer = new PeriodicTimer(keepAlive, time);
    }

    /// <summary>Begins the answer: who asked knows from here on that there is one.</summary>
    public async Task StartAsync()
    {
        _context.Response.ContentType = MediaType;
        _context.Response.Headers.CacheControl = "no-store";
        await CommentAsync("retry: 1000\n\n").ConfigureAwait(false);
        _keepingAlive = KeepAliveAsync();
    }

    /// <summary>Writes events, one for each item, and waits until the client has taken nearly all of them.</summary>
    /// <param name="items">What the events are about.</param>
    /// <param name="name">Their name; null for the one that clients take when there is none ("message").</param>
    /// <param name="id">Their ids; null for events that leave the client's last id as it is.</param>
    /// <param name="data">Writes an object.</param>
    /// <param name="cancellation">Gives up the wait for a turn; what was begun is written to its end, or to the client's.</param>
    public async ValueTask WriteAsync<T>(
        IReadOnlyList<T> items, string? name, Func<T, string>? id, Action<Utf8JsonWriter, T> data, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _wasQuiet = false;
            foreach (var item in items)
            {
                Append(name is null ? "" : $"event: {name}\n");
                Append(id is null ? "" : $"id: {id(item)}\n");
                Append("data: ");
                data(_writer, item);
                _writer.Flush();
                _unflushed += _writer.BytesCommitted;
                _writer.Reset();
                Append("\n\n");
                if (_unflushed >= FlushBytes)
                {
                    await FlushAsync().ConfigureAwait(false);
                }
            }

            await FlushAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>No more is written; the answer ends when the request's handler does.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        _timer.Dispose();
        await _keepingAlive.ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
        _ended.Dispose();
        _turn.Dispose();
    }

    private async Task KeepAliveAsync()
    {
        try
        {
            while (await _timer.WaitForNextTickAsync(_ended.Token).ConfigureAwait(false))
            {
                if (_wasQuiet)
                {
                    await CommentAsync(": keep-alive\n\n").ConfigureAwait(false);
                }

                _wasQuiet = true;
            }
        }
        catch (OperationCanceledException)
        {
            // The stream has ended, or its client: whoever writes next finds out.
        }
    }

    private async Task CommentAsync(string text)
    {
        await _turn.WaitAsync(_ended.Token).ConfigureAwait(false);
        try
        {
            Append(text);
            await FlushAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Append(string text) => _unflushed += Encoding.UTF8.GetBytes(text, _output);

    // Only the client's own end ends a write: Kestrel cuts the connection when another reason stops it half way.
    private async ValueTask FlushAsync()
    {
        Check.That(_turn.CurrentCount == 0);
        _unflushed = 0;
        var flushed = await _output.FlushAsync(_context.RequestAborted).ConfigureAwait(false);
        if (flushed.IsCompleted)
        {
            throw new OperationCanceledException("the client has gone", _context.RequestAborted);
        }
    }
}
