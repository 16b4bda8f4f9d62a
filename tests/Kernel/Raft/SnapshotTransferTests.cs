using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>
/// Both ends of a snapshot's journey (dissertation, 5): whatever is lost, doubled or overtaken, the bytes arrive, once each.
/// </summary>
public sealed class SnapshotTransferTests
{
    private static readonly NodeId Sender = new(1);
    private static readonly Membership Members = Membership.Of([new(1), new(2)]);
    private static readonly Term Term = new(3);

    [Fact]
    public void A_snapshot_arrives_whole_over_a_lossy_link_and_through_restarts_of_the_receiver()
    {
        for (var seed = 0UL; seed < 300; seed++)
        {
            var random = new Prng(seed);
            var snapshot = new byte[random.NextInt(0, 200)];
            random.Fill(snapshot);
            var now = Instant.Zero;
            var sender = new SnapshotSender(new LogIndex(9), Term, snapshot.Length, now, random.NextInt(1, 20), random.NextInt(1, 5));
            var receiver = new SnapshotReceiver();
            var received = new List<byte>();
            var installed = false;
            var chunks = new List<RaftMessage>();
            var replies = new List<RaftMessage>();
            for (var step = 0; sender.State == SnapshotSendState.Sending; step++)
            {
                Assert.True(step < 20_000, $"seed {seed} does not end");
                now += Duration.FromMilliseconds(20);
                sender.Tick(now);
                while (sender.TryNext(now, out var offset, out var bytes))
                {
                    Transmit(random, chunks, RaftMessage.SnapshotChunk(
                        Term, sender.Index, sender.Term, Members, offset, snapshot.Length, snapshot.AsMemory((int)offset, bytes)));
                }

                if (step < 400 && random.Chance(5_000) && !installed)
                {
                    receiver.Reset();
                    received.Clear();
                }

                if (Take(random, chunks) is { } chunk)
                {
                    if (installed)
                    {
                        Transmit(random, replies, RaftMessage.SnapshotReply(Term, chunk.Index, 0, SnapshotStatus.Done));
                    }
                    else
                    {
                        installed = Receive(receiver, chunk, received);
                        Transmit(random, replies, RaftMessage.SnapshotReply(
                            Term, chunk.Index, receiver.NextOffset, installed ? SnapshotStatus.Done : SnapshotStatus.Wanted));
                    }
                }

                if (Take(random, replies) is { } reply)
                {
                    sender.OnReply(reply, now);
                }
            }

            Assert.Equal(SnapshotSendState.Done, sender.State);
            Assert.True(installed);
            Assert.Equal(snapshot, received);
        }
    }

    [Fact]
    public void A_newer_snapshot_and_another_sender_start_over_and_a_late_piece_of_the_old_one_does_not()
    {
        var receiver = new SnapshotReceiver();
        Assert.Equal(SnapshotChunkVerdict.Begin, receiver.Accept(Sender, Chunk(5, 0, 4, 8)));
        Assert.Equal(SnapshotChunkVerdict.Unwanted, receiver.Accept(Sender, Chunk(5, 0, 4, 8)));
        Assert.Equal(SnapshotChunkVerdict.Unwanted, receiver.Accept(Sender, Chunk(7, 4, 4, 8)));
        Assert.Equal(0, receiver.NextOffset);
        Assert.Equal(SnapshotChunkVerdict.Begin, receiver.Accept(Sender, Chunk(7, 0, 4, 8)));
        Assert.Equal(SnapshotChunkVerdict.Ignore, receiver.Accept(Sender, Chunk(5, 4, 4, 8)));
        Assert.Equal(4, receiver.NextOffset);

        // A leader of a later term may have an older snapshot only.
        Assert.Equal(SnapshotChunkVerdict.Begin, receiver.Accept(new NodeId(4), Chunk(5, 0, 4, 8) with { Term = Term.Next }));
        Assert.Equal(SnapshotChunkVerdict.Complete, receiver.Accept(new NodeId(4), Chunk(5, 4, 4, 8) with { Term = Term.Next }));
        Assert.Equal(SnapshotChunkVerdict.Ignore, receiver.Accept(new NodeId(4), Chunk(5, 4, 4, 8) with { Term = Term.Next }));
        Assert.True(receiver.IsActive);
        receiver.Reset();
        Assert.False(receiver.IsActive);
        Assert.Equal(SnapshotChunkVerdict.BeginAndComplete, receiver.Accept(Sender, Chunk(5, 0, 0, 0)));
    }

    [Fact]
    public void A_sender_gives_up_on_a_silent_receiver_and_on_a_refusal()
    {
        var sender = new SnapshotSender(new LogIndex(9), Term, 10, Instant.Zero);
        Assert.True(sender.TryNext(Instant.Zero, out _, out _));
        Assert.False(sender.TryNext(Instant.Zero, out _, out _));
        sender.Tick(Instant.FromMilliseconds(1000));
        Assert.True(sender.TryNext(Instant.FromMilliseconds(1000), out var offset, out var bytes));
        Assert.Equal((0, 10), (offset, bytes));
        sender.Tick(Instant.FromMilliseconds(59_999));
        Assert.Equal(SnapshotSendState.Sending, sender.State);
        sender.Tick(Instant.FromMilliseconds(60_000));
        Assert.Equal(SnapshotSendState.Failed, sender.State);
        Assert.Equal(Instant.Never, sender.NextDeadline);

        sender = new SnapshotSender(new LogIndex(9), Term, 10, Instant.Zero);
        sender.OnReply(RaftMessage.SnapshotReply(Term, new LogIndex(8), 0, SnapshotStatus.Refused), Instant.Zero);
        Assert.Equal(SnapshotSendState.Sending, sender.State);
        sender.OnReply(RaftMessage.SnapshotReply(Term, new LogIndex(9), 0, SnapshotStatus.Refused), Instant.Zero);
        Assert.Equal(SnapshotSendState.Failed, sender.State);
    }

    private static RaftMessage Chunk(ulong index, long offset, int bytes, long total) =>
        RaftMessage.SnapshotChunk(Term, new LogIndex(index), new Term(2), Members, offset, total, new byte[bytes]);

    private static bool Receive(SnapshotReceiver receiver, RaftMessage chunk, List<byte> received)
    {
        var verdict = receiver.Accept(Sender, chunk);
        if (verdict is SnapshotChunkVerdict.Begin or SnapshotChunkVerdict.BeginAndComplete)
        {
            received.Clear();
        }

        if (verdict is not (SnapshotChunkVerdict.Unwanted or SnapshotChunkVerdict.Ignore))
        {
            received.AddRange(chunk.Bytes.Span);
        }

        return verdict is SnapshotChunkVerdict.Complete or SnapshotChunkVerdict.BeginAndComplete;
    }

    private static void Transmit(Prng random, List<RaftMessage> link, RaftMessage message)
    {
        for (var copies = random.Chance(200_000) ? 0 : random.Chance(200_000) ? 2 : 1; copies > 0; copies--)
        {
            link.Add(message);
        }
    }

    private static RaftMessage? Take(Prng random, List<RaftMessage> link)
    {
        if (link.Count == 0)
        {
            return null;
        }

        var at = random.NextInt(0, Math.Min(2, link.Count - 1));
        var message = link[at];
        link.RemoveAt(at);
        return message;
    }
}
