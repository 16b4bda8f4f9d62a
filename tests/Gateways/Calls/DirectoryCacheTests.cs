using Atoll.Foundation.Bytes;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Gateways.Tests.Calls;

/// <summary>What a client fetches of the directory: of ten thousand partitions it is a megabyte, and it seldom changes.</summary>
public sealed class DirectoryCacheTests
{
    [Fact]
    public async Task A_view_that_is_still_the_newest_is_not_fetched_again()
    {
        var machine = new MachinePort();
        var port = new AnswerSizes(machine);
        var options = new CallerOptions { Clock = new ServerClock(new ManualTime()) };
        var cache = new DirectoryCache(new Caller(port, options));
        var changes = 0;
        cache.Changed += _ => changes++;

        var first = await cache.RefreshAsync(default);
        var second = await cache.RefreshAsync(default);
        Assert.Same(first, second);
        Assert.True(port.Bytes[0] > 100, $"{port.Bytes[0]} bytes");
        Assert.Equal([1], port.Bytes[1..]);

        // What somebody else does to it is seen all the same.
        var others = new DirectoryDocuments(new Caller(machine, options), new DirectoryCache(new Caller(machine, options)), "test:");
        Assert.True(await others.TryWriteAsync("test:a", 0, "new"u8.ToArray(), default));
        var third = await cache.RefreshAsync(default);
        Assert.True(third.Version > first.Version);
        Assert.Equal(2, changes);

        // Nor does an invalidated one count as known.
        cache.Invalidate();
        Assert.Equal(third.Version, (await cache.RefreshAsync(default)).Version);
        Assert.True(port.Bytes[^1] > 100, $"{port.Bytes[^1]} bytes");
    }

    /// <summary>Notes how long the answers of the directory's shard are.</summary>
    private sealed class AnswerSizes(MachinePort machine) : IRequestPort
    {
        public List<int> Bytes { get; } = [];

        public void Submit(Request request, IResponseSink sink) => machine.Submit(request, new Sink(this, sink));

        private sealed class Sink(AnswerSizes sizes, IResponseSink sink) : IResponseSink
        {
            public void Complete(Request request, in Response response)
            {
                if (request.Kind == RequestKind.Read)
                {
                    sizes.Bytes.Add(response.Body.Length);
                }

                sink.Complete(request, response);
            }
        }
    }
}
