using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Live.Loops;
using Xunit;

namespace Atoll.Live.Tests.Loops;

public sealed class EventLoopTests
{
    private readonly ListLogger _logger = new();

    [Fact]
    public async Task Calls_of_many_threads_all_run_on_the_one_thread_in_each_senders_order()
    {
        using var loop = NewLoop(new Mailbox());
        var body = new Body();
        loop.Start(body);
        var threads = Enumerable.Range(0, 4).Select(sender => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                Assert.True(loop.Post(static (body, call) => ((Body)body!).Calls.Add(((int, int))call!), body, (sender, i)));
            }
        }));
        await Task.WhenAll(threads);
        await loop.StopAsync();
        Assert.Equal(80_000, body.Calls.Count);
        Assert.Single(body.Threads);
        foreach (var ofOne in body.Calls.GroupBy(call => call.Sender))
        {
            Assert.Equal(Enumerable.Range(0, 20_000), ofOne.Select(call => call.Number));
        }

        Assert.Equal(80_000, loop.EventsHandled);
    }

    [Fact]
    public async Task Ticks_come_without_events_and_every_batch_is_flushed()
    {
        using var loop = NewLoop(new Mailbox());
        var body = new Body();
        loop.Start(body);
        Waiting.Until(() => Volatile.Read(ref body.Ticks) >= 5);
        await loop.StopAsync();
        Assert.True(body.Flushes > body.Ticks);
        Assert.False(loop.Post(static (_, _) => { }, null, null));
    }

    [Fact]
    public async Task A_body_that_throws_ends_the_loop_loudly_and_sees_only_calls_after_that_in_order_to_refuse_them()
    {
        using var loop = NewLoop(new Mailbox());
        var body = new Body();
        Exception? told = null;
        loop.Failed = exception => told = exception;
        loop.Start(body);
        loop.Post(static (_, _) => Check.That(false), null, null);
        var isPosted = loop.Post(static (body, _) => ((Body)body!).Calls.Add((((Body)body).Abandoned is null ? 0 : 1, 9)), body, null);
        await Assert.ThrowsAsync<CheckFailedException>(() => loop.Ended);
        Waiting.Until(() => told is CheckFailedException);
        Assert.NotNull(body.Abandoned);
        Assert.Equal(isPosted ? [(1, 9)] : [], body.Calls);
        Assert.Contains(_logger.Lines, line => line.Level == Microsoft.Extensions.Logging.LogLevel.Critical);
        Assert.False(loop.Post(static (_, _) => { }, null, null));
    }

    [Fact]
    public async Task A_stopping_loop_waits_for_what_is_under_way()
    {
        var mailbox = new Mailbox();
        var port = new Port();
        using var loop = NewLoop(mailbox, port);
        loop.Start(new Body());
        var stopped = loop.StopAsync();
        Waiting.Until(() => Volatile.Read(ref port.BatchesEnded) > 20);
        Assert.False(stopped.IsCompleted);
        port.IsQuiet = true;
        await stopped;
    }

    [Fact]
    public async Task A_flood_does_not_keep_answers_waiting()
    {
        var mailbox = new Mailbox();
        var body = new Body();
        using var loop = NewLoop(mailbox);
        for (var i = 0; i < 10_000; i++)
        {
            loop.Post(static (body, _) => ((Body)body!).SeeFlushes(), body, null);
        }

        loop.Start(body);
        await loop.StopAsync();
        Assert.InRange(body.LongestWithoutFlush, 1, EventLoopOptions.Default.EventsPerBatchMax);
    }

    [Fact]
    public void A_full_mailbox_refuses_strangers_and_takes_what_the_loop_asked_for()
    {
        var mailbox = new Mailbox(bytesMax: 1_000);
        var message = LoopItem.ForMessage(new LoopAddress(new NodeId(1), 0), Lane.Bulk, new byte[300]);
        Assert.True(mailbox.TryPost(message));
        Assert.True(mailbox.TryPost(message));
        Assert.False(mailbox.TryPost(message));
        mailbox.Post(LoopItem.ForLink(new NodeId(1), Lane.Bulk, isUp: false));
        var batch = new LoopItem[4];
        Assert.Equal(3, mailbox.Take(ref batch, 0));
        Assert.Equal(LoopItemKind.LinkDown, batch[2].Kind);
        Assert.True(mailbox.TryPost(message));
    }

    [Fact]
    public async Task Who_waits_for_room_gets_it_when_the_loop_takes_and_is_let_go_when_it_closes()
    {
        var mailbox = new Mailbox(bytesMax: 1_000);
        var message = LoopItem.ForMessage(new LoopAddress(new NodeId(1), 0), Lane.Bulk, new byte[900]);
        Assert.True(mailbox.TryPost(message));
        var posted = Task.Run(() => mailbox.PostWhenRoom([message, message]));
        var batch = new LoopItem[4];
        var taken = 0;
        Waiting.Until(() => taken == 3, () =>
        {
            var count = mailbox.Take(ref batch, 5);
            Array.Clear(batch);
            taken += count;
        });
        Assert.True(await posted);
        Assert.True(mailbox.TryPost(message));
        var refused = Task.Run(() => mailbox.PostWhenRoom([message]));
        mailbox.Close();
        Assert.False(await refused);
    }

    [Fact]
    public void Posting_and_taking_allocates_nothing_once_warm()
    {
        var mailbox = new Mailbox();
        var batch = new LoopItem[64];
        Action<object?, object?> call = static (_, _) => { };
        Round(mailbox, ref batch, call);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round(mailbox, ref batch, call);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Round(Mailbox mailbox, ref LoopItem[] batch, Action<object?, object?> call)
    {
        for (var round = 0; round < 100; round++)
        {
            for (var i = 0; i < 60; i++)
            {
                mailbox.TryPost(LoopItem.ForCall(call, null, null));
            }

            mailbox.Take(ref batch, 0);
        }
    }

    private EventLoop NewLoop(Mailbox mailbox, params ILoopPort[] ports) => new(
        "loop under test",
        mailbox,
        LiveClock.Instance,
        EventLoopOptions.Default with { TickInterval = Duration.FromMilliseconds(1), DrainTimeout = Duration.FromSeconds(60) },
        ports,
        _logger);

    private sealed class Port : ILoopPort
    {
        public int BatchesEnded;
        private volatile bool _isQuiet;

        public bool IsQuiet
        {
            get => _isQuiet;
            set => _isQuiet = value;
        }

        public void EndBatch() => BatchesEnded++;
    }

    private sealed class Body : ILoopBody
    {
        public int Ticks;
        private int _sinceFlush;

        public List<(int Sender, int Number)> Calls { get; } = [];

        public HashSet<int> Threads { get; } = [];

        public int Flushes { get; private set; }

        public int LongestWithoutFlush { get; private set; }

        public void Start() => Threads.Add(Environment.CurrentManagedThreadId);

        public void Tick(Instant now) => Ticks++;

        public void FlushBatch()
        {
            Threads.Add(Environment.CurrentManagedThreadId);
            Flushes++;
            _sinceFlush = 0;
        }

        public void Abandon(string why) => Abandoned = why;

        public string? Abandoned { get; private set; }

        public void SeeFlushes() => LongestWithoutFlush = Math.Max(LongestWithoutFlush, ++_sinceFlush);

        public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message) => Check.Unreachable("no network here");

        public void LinkUp(NodeId peer, Lane lane) => Check.Unreachable("no network here");

        public void LinkDown(NodeId peer, Lane lane) => Check.Unreachable("no network here");
    }
}
