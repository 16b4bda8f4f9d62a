using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.StateMachines.Tests.Requests;

/// <summary>Linearizable semantics for clients: Raft dissertation, section 6.3; museum rows 12 and 19.</summary>
public sealed class ExactlyOnceTests
{
    private static readonly RequestTableOptions Small = new() { AnswersMax = 8, AnswersPerClientMax = 4 };

    [Fact]
    public void A_retry_gets_the_first_answer_and_has_no_effect()
    {
        var replica = Replica.OfRecords();
        var identity = new RequestIdentity(7, 1, 1, replica.Stamp);
        var first = replica.Propose(PutOne, identity);
        Assert.Equal(ApplyStatus.Applied, first.Status);
        replica.Delete("a");
        var again = replica.Propose(PutOne, identity);
        Assert.Equal(ApplyStatus.Repeated, again.Status);
        Assert.Equal(first.Result, again.Result);
        Assert.Equal(RecordsStatus.NotFound, replica.Get("a").Status);
    }

    [Fact]
    public void A_refusal_by_the_machine_is_remembered_too()
    {
        var replica = Replica.OfRecords();
        var identity = new RequestIdentity(7, 1, 1, replica.Stamp);
        void Cas(WireWriter w) => RecordsCommand.WriteCompareAndSet(w, "a"u8, new HybridTime(99), "x"u8);
        var first = replica.Propose(Cas, identity);
        Assert.Equal(RecordsStatus.Conflict, RecordsResultCodec.StatusOf(first.Result));
        replica.Put("a", "now it exists");
        var again = replica.Propose(Cas, identity);
        Assert.Equal((ApplyStatus.Repeated, true), (again.Status, again.Result.AsSpan().SequenceEqual(first.Result)));
    }

    [Fact]
    public void Looking_up_answers_without_an_entry_what_applying_would()
    {
        var replica = Replica.OfRecords();
        var identity = new RequestIdentity(7, 5, 5, replica.Stamp);
        var result = new WireWriter();
        Assert.Equal(RequestLookup.Unknown, replica.State.LookUp(identity, result));
        var (_, answer) = replica.Propose(PutOne, identity);
        Assert.Equal(RequestLookup.Remembered, replica.State.LookUp(identity, result));
        Assert.Equal(answer, result.ToArray());
        Assert.Equal(RequestLookup.Expired, replica.State.LookUp(identity with { Sequence = 4, AnsweredBelow = 1 }, result));
        Assert.Equal(RequestLookup.Unknown, replica.State.LookUp(RequestIdentity.None, result));
    }

    [Fact]
    public void A_request_that_the_client_has_the_answer_of_is_refused_when_it_arrives_again_late()
    {
        var replica = Replica.OfRecords();
        replica.Propose(PutOne, new RequestIdentity(7, 1, 1, replica.Stamp));
        replica.Propose(w => RecordsCommand.WriteDelete(w, "a"u8), new RequestIdentity(7, 2, 2, replica.Stamp));
        Assert.Equal(1, replica.State.RequestsRemembered);
        Assert.Equal(ApplyStatus.Expired, replica.Propose(PutOne, new RequestIdentity(7, 1, 1, replica.Stamp)).Status);
        Assert.Equal(RecordsStatus.NotFound, replica.Get("a").Status);
    }

    [Fact]
    public void Requests_may_arrive_out_of_order_and_each_is_applied_once()
    {
        var replica = Replica.OfRecords();
        foreach (ulong sequence in new ulong[] { 4, 2, 9, 1, 3, 2, 4, 9, 1 })
        {
            replica.Propose(w => RecordsCommand.WritePut(w, "n"u8, [(byte)sequence]), new RequestIdentity(7, sequence, 1, replica.Stamp));
        }

        Assert.Equal(5, replica.State.RequestsRemembered);
        Assert.Equal(5, replica.Stats().ChangesKept);
    }

    [Fact]
    public void After_the_window_the_answer_is_forgotten_and_the_retry_refused_but_never_applied_again()
    {
        var replica = Replica.OfRecords();
        var identity = new RequestIdentity(7, 1, 1, replica.Stamp);
        replica.Propose(PutOne, identity);
        replica.Delete("a");
        replica.Advance(600_000);
        Assert.Equal(ApplyStatus.Repeated, replica.Propose(PutOne, identity).Status);
        replica.Advance(2);
        Assert.Equal(ApplyStatus.Expired, replica.Propose(PutOne, identity).Status);
        Assert.Equal(0, replica.State.RequestsRemembered);
        Assert.Equal(RecordsStatus.NotFound, replica.Get("a").Status);
    }

    [Fact]
    public void A_request_from_far_ahead_is_refused_rather_than_remembered_for_ever()
    {
        var replica = Replica.OfRecords();
        var ahead = HybridTime.FromUnixMilliseconds(replica.Stamp.UnixMilliseconds + 700_000);
        Assert.Equal(ApplyStatus.Expired, replica.Propose(PutOne, new RequestIdentity(7, 1, 1, ahead)).Status);
        Assert.Equal(0, replica.State.RequestsRemembered);
    }

    [Fact]
    public void A_state_that_was_idle_for_longer_than_the_window_takes_the_next_request()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        replica.Advance(10_000_000);
        var identity = new RequestIdentity(7, 1, 1, replica.Stamp);
        Assert.Equal(RequestLookup.Unknown, replica.State.LookUp(identity, new WireWriter()));
        Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, identity).Status);
    }

    [Fact]
    public void A_full_table_refuses_without_effect_and_takes_the_same_request_later()
    {
        var replica = Replica.OfRecords(Small);
        for (ulong client = 1; client <= 8; client++)
        {
            Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, new RequestIdentity(client, 1, 1, replica.Stamp)).Status);
        }

        var late = new RequestIdentity(9, 1, 1, replica.Stamp);
        Assert.Equal(ApplyStatus.Overloaded, replica.Propose(w => RecordsCommand.WritePut(w, "b"u8, "x"u8), late).Status);
        Assert.Equal(RecordsStatus.NotFound, replica.Get("b").Status);

        // A client that gives up an answer makes room for its own next one.
        Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, new RequestIdentity(3, 2, 2, replica.Stamp)).Status);
        Assert.Equal(8, replica.State.RequestsRemembered);

        // Eight of the answers are out of the window; the request itself is not, as its client issues it anew.
        replica.Advance(600_001);
        Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, late with { IssuedAt = replica.Stamp }).Status);
        Assert.Equal(1, replica.State.RequestsRemembered);
    }

    [Fact]
    public void One_client_cannot_take_the_whole_table()
    {
        var replica = Replica.OfRecords(Small);
        for (ulong sequence = 1; sequence <= 4; sequence++)
        {
            Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, new RequestIdentity(1, sequence, 1, replica.Stamp)).Status);
        }

        Assert.Equal(ApplyStatus.Overloaded, replica.Propose(PutOne, new RequestIdentity(1, 5, 1, replica.Stamp)).Status);
        Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, new RequestIdentity(2, 1, 1, replica.Stamp)).Status);
        Assert.Equal(ApplyStatus.Applied, replica.Propose(PutOne, new RequestIdentity(1, 5, 2, replica.Stamp)).Status);
    }

    [Fact]
    public void The_states_time_never_goes_back_whatever_the_leaders_clocks_do()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        var first = replica.State.Now;
        replica.Advance(-500_000);
        var second = replica.Put("a", "2");
        Assert.Equal(first.Value + 1, second.Version.Value);
        Assert.Equal(second.Version, replica.State.Now);
    }

    [Fact]
    public void Entries_without_a_command_move_the_index_and_garbled_ones_nothing_else()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        var now = replica.State.Now;
        Assert.Equal(ApplyStatus.NoCommand, replica.Append(EntryKind.Empty, []).Status);
        Assert.Equal(ApplyStatus.NoCommand, replica.Append(EntryKind.Membership, [1, 2, 3]).Status);
        Assert.Equal(ApplyStatus.Invalid, replica.Append(EntryKind.Command, [1, 2, 3]).Status);
        Assert.Equal((4UL, now), (replica.State.AppliedIndex.Value, replica.State.Now));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Over_random_retries_losses_and_restarts_from_snapshots_every_request_has_one_effect(ulong seed)
    {
        // Every request appends its own name to one record by compare-and-set free writes: a second effect would leave a second change.
        var random = new Prng(seed);
        var replica = Replica.OfRecords(new RequestTableOptions { AnswersMax = 500, AnswersPerClientMax = 64 });
        var applied = new SortedDictionary<(ulong Client, ulong Sequence), byte[]>();
        var next = new ulong[6];
        var answeredBelow = new ulong[6];
        Array.Fill(next, 1UL);
        Array.Fill(answeredBelow, 1UL);
        var changes = 0L;
        for (var step = 0; step < 3_000; step++)
        {
            var client = random.NextInt(1, 5);
            var isNew = random.Chance(500_000) && next[client] - answeredBelow[client] < 60;
            var sequence = isNew ? next[client]++ : 1 + random.NextBelow(next[client]);
            if (sequence >= next[client])
            {
                continue;
            }

            if (random.Chance(100_000))
            {
                answeredBelow[client] = Math.Min(next[client], answeredBelow[client] + random.NextBelow(20));
            }

            var identity = new RequestIdentity(
                (ulong)client, sequence, Math.Min(sequence, answeredBelow[client]), HybridTime.FromUnixMilliseconds(1_000_000));
            var (status, result) = replica.Propose(
                w => RecordsCommand.WritePut(w, Replica.Bytes($"{client}"), Replica.Bytes($"{sequence}")), identity);
            var key = ((ulong)client, sequence);
            switch (status)
            {
                case ApplyStatus.Applied:
                    Assert.True(applied.TryAdd(key, result), $"{key} was applied twice");
                    changes++;
                    break;
                case ApplyStatus.Repeated:
                    Assert.Equal(applied[key], result);
                    break;
                default:
                    Assert.Equal(ApplyStatus.Expired, status);
                    break;
            }

            if (random.Chance(5_000))
            {
                replica = Restarted(replica, random);
            }
        }

        Assert.Equal(changes, replica.Stats().ChangesKept);
        Assert.Equal(applied.Count, (int)changes);
    }

    private static Replica Restarted(Replica old, Prng random)
    {
        // A crash: a new process starts from a snapshot taken some entries ago, and applies the rest of the log again.
        var next = Replica.OfRecords(old.Options);
        var upTo = random.NextInt(0, old.Log.Count);
        foreach (var entry in old.Log.Take(upTo))
        {
            next.Apply(entry);
        }

        var restored = Replica.OfRecords(old.Options);
        if (upTo > 0)
        {
            var target = restored.State.BeginRestore(next.State.AppliedIndex);
            Assert.True(target.Accept(next.Snapshot()), target.Error);
            Assert.True(target.IsFinished(), target.Error);
            Assert.Equal(next.State.StateHash(), restored.State.StateHash());
        }

        foreach (var entry in old.Log.Skip(upTo))
        {
            restored.Apply(entry);
        }

        restored.Log.AddRange(old.Log);
        Assert.Equal(old.State.StateHash(), restored.State.StateHash());
        return restored;
    }

    private static void PutOne(WireWriter writer) => RecordsCommand.WritePut(writer, "a"u8, "1"u8);
}
