using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Stores;
using Xunit;

namespace Atoll.StateMachines.Tests.Records;

public sealed class RecordsTests
{
    private readonly Replica _replica = Replica.OfRecords();

    [Fact]
    public void What_is_put_is_got_with_the_version_of_the_put()
    {
        var put = _replica.Put("key", "value");
        Assert.Equal((RecordsStatus.Ok, _replica.State.Now), (put.Status, put.Version));
        var get = _replica.Get("key");
        Assert.Equal((RecordsStatus.Ok, put.Version, "value"), (get.Status, get.Version, Replica.Text(get.Value)));
        Assert.Equal(HybridTime.Zero, get.ExpiresAt);
        Assert.Equal(RecordsStatus.NotFound, _replica.Get("other").Status);
    }

    [Fact]
    public void An_empty_value_is_a_value()
    {
        _replica.Put("key", "");
        Assert.Equal((RecordsStatus.Ok, 0), (_replica.Get("key").Status, _replica.Get("key").Value.Length));
    }

    [Fact]
    public void Deleting_what_is_not_there_says_so_and_is_no_change()
    {
        Assert.Equal(RecordsStatus.NotFound, _replica.Delete("key").Status);
        Assert.Equal(0, _replica.Stats().ChangesKept);
        _replica.Put("key", "value");
        Assert.Equal(RecordsStatus.Ok, _replica.Delete("key").Status);
        Assert.Equal(RecordsStatus.NotFound, _replica.Get("key").Status);
    }

    [Fact]
    public void Compare_and_set_needs_the_version_and_tells_the_one_that_is_there()
    {
        var created = Cas("key", HybridTime.Zero, "1");
        Assert.Equal(RecordsStatus.Ok, created.Status);
        var twice = Cas("key", HybridTime.Zero, "2");
        Assert.Equal((RecordsStatus.Conflict, created.Version), (twice.Status, twice.Version));
        var second = Cas("key", created.Version, "2");
        Assert.Equal(RecordsStatus.Ok, second.Status);
        Assert.Equal(RecordsStatus.Conflict, Cas("key", created.Version, "3").Status);
        Assert.Equal("2", Replica.Text(_replica.Get("key").Value));
        Assert.Equal((RecordsStatus.Conflict, HybridTime.Zero), StatusAndVersion(Cas("none", created.Version, "3")));
        var stale = _replica.Write(w => RecordsCommand.WriteCompareAndDelete(w, "key"u8, created.Version));
        Assert.Equal(RecordsStatus.Conflict, stale.Status);
        var deleted = _replica.Write(w => RecordsCommand.WriteCompareAndDelete(w, "key"u8, second.Version));
        Assert.Equal(RecordsStatus.Ok, deleted.Status);
    }

    [Fact]
    public void A_batch_happens_all_or_not_at_all_and_its_conditions_see_the_state_before_it()
    {
        var a = _replica.Put("a", "1").Version;
        var failed = _replica.Batch(
            RecordOperation.Put(Replica.Bytes("b"), Replica.Bytes("1")),
            RecordOperation.Delete(Replica.Bytes("a")),
            RecordOperation.Check(Replica.Bytes("a"), HybridTime.Zero));
        Assert.Equal((RecordsStatus.Conflict, a, 2), (failed.Status, failed.Version, failed.FailedOperation));
        Assert.Equal(RecordsStatus.NotFound, _replica.Get("b").Status);

        var done = _replica.Batch(
            RecordOperation.Check(Replica.Bytes("a"), a),
            RecordOperation.Put(Replica.Bytes("b"), Replica.Bytes("1"), HybridTime.Zero),
            RecordOperation.Put(Replica.Bytes("b"), Replica.Bytes("2")),
            RecordOperation.Delete(Replica.Bytes("a")),
            RecordOperation.Delete(Replica.Bytes("nothing")));
        Assert.Equal(RecordsStatus.Ok, done.Status);
        Assert.Equal(("2", done.Version), (Replica.Text(_replica.Get("b").Value), _replica.Get("b").Version));
        Assert.Equal(RecordsStatus.NotFound, _replica.Get("a").Status);
    }

    [Fact]
    public void A_garbled_operation_at_the_end_of_a_batch_undoes_nothing_because_nothing_was_done()
    {
        var (status, result) = _replica.Propose(w =>
        {
            RecordsCommand.WriteBatch(
                w, [RecordOperation.Put("a"u8.ToArray(), "1"u8.ToArray()), RecordOperation.Delete("b"u8.ToArray())]);
            w.Truncate(w.Length - 1);
        });
        Assert.Equal(ApplyStatus.Applied, status);
        Assert.True(RecordsResultCodec.TryReadWrite(result, out var write));
        Assert.Equal(RecordsStatus.Invalid, write.Status);
        Assert.NotNull(write.Detail);
        Assert.Equal(0, _replica.Stats().Records);
    }

    [Fact]
    public void Time_to_live_ends_by_the_states_time_only()
    {
        _replica.Put("short", "1", 1_000);
        _replica.Put("long", "1", 100_000);
        Assert.Equal(1_001_000, _replica.NextExpiry()!.Value.UnixMilliseconds);
        _replica.Advance(999);
        _replica.Put("other", "1");
        Assert.Equal(RecordsStatus.Ok, _replica.Get("short").Status);
        _replica.Advance(1);
        _replica.Put("other", "2");

        // Invisible to everything at once, although not removed yet.
        Assert.Equal(RecordsStatus.NotFound, _replica.Get("short").Status);
        Assert.Equal(["long", "other"], _replica.Scan(default).Rows.Select(r => Replica.Text(r.Key)));
        Assert.Equal(RecordsStatus.NotFound, _replica.Delete("short").Status);
        Assert.Equal(3, _replica.Stats().Records);
        _replica.Expire();
        Assert.Equal((2L, 1L), (_replica.Stats().Records, _replica.Stats().Expiring));
        Assert.Equal(1_100_000, _replica.NextExpiry()!.Value.UnixMilliseconds);
        var last = _replica.Changes("", HybridTime.Zero).Changes[^1];
        Assert.Equal((ChangeKind.Expire, "short", _replica.State.Now), (last.Kind, Replica.Text(last.Key), last.Version));
    }

    [Fact]
    public void An_expired_record_does_not_exist_for_conditions_and_a_new_one_keeps_its_own_time()
    {
        var first = _replica.Put("key", "1", 1_000);
        _replica.Advance(1_000);
        Assert.Equal(RecordsStatus.Conflict, Cas("key", first.Version, "2").Status);
        Assert.Equal(RecordsStatus.Ok, Cas("key", HybridTime.Zero, "2").Status);
        _replica.Expire();
        Assert.Equal("2", Replica.Text(_replica.Get("key").Value));
        Assert.Null(_replica.NextExpiry());
    }

    [Fact]
    public void One_expiry_command_does_a_bounded_amount_of_work()
    {
        for (var i = 0; i < Limits.ExpiredPerCommandMax + 10; i++)
        {
            _replica.Put($"{i}", "", 10);
        }

        _replica.Advance(100);
        _replica.Expire();
        Assert.Equal(10, _replica.Stats().Records);
        Assert.NotNull(_replica.NextExpiry());
        _replica.Expire();
        Assert.Equal(0, _replica.Stats().Records);
        Assert.Null(_replica.NextExpiry());
    }

    [Fact]
    public void Memory_is_accounted_for_what_is_there()
    {
        Assert.Equal(0, _replica.Stats().Bytes);
        _replica.Put("key", "12345");
        var one = _replica.Stats().Bytes;
        _replica.Put("key", "1234567", 50);
        Assert.Equal(one + 2, _replica.Stats().Bytes);
        _replica.Put("other", new string('x', 1_000));
        Assert.InRange(_replica.Stats().Bytes, 1_015, 1_500);
        _replica.Advance(100);
        _replica.Expire();
        _replica.Delete("other");
        Assert.Equal((0L, 0L), (_replica.Stats().Bytes, _replica.Stats().Records));
    }

    [Fact]
    public void Validation_refuses_by_name_what_may_not_be_proposed()
    {
        var writer = new WireWriter();
        CommandFault Fault(Action<WireWriter> write, ulong low = 0, ulong high = ulong.MaxValue)
        {
            writer.Reset();
            write(writer);
            return RecordsCommand.Validate(writer.ToArray(), low, high, new RecordLimits(10, 100));
        }

        var hash = StableHash.Compute("key"u8);
        Assert.True(Fault(w => RecordsCommand.WritePut(w, "key"u8, new byte[100]), hash, hash).IsNone);
        Assert.Equal(CommandFaultKind.WrongShard, Fault(w => RecordsCommand.WriteDelete(w, "key"u8), hash + 1).Kind);
        Assert.Equal(CommandFaultKind.WrongShard, Fault(w => RecordsCommand.WriteDelete(w, "key"u8), 0, hash - 1).Kind);
        Assert.Equal(CommandFaultKind.TooLarge, Fault(w => RecordsCommand.WritePut(w, new byte[11], default)).Kind);
        Assert.Contains("limit is 100", Fault(w => RecordsCommand.WritePut(w, "key"u8, new byte[101])).Detail, StringComparison.Ordinal);
        Assert.Equal(CommandFaultKind.Invalid, Fault(w => RecordsCommand.WritePut(w, default, default)).Kind);
        Assert.Equal(CommandFaultKind.Invalid, Fault(w => RecordsCommand.WritePut(w, "key"u8, default, -1)).Kind);
        Assert.Equal(CommandFaultKind.Invalid, Fault(w => RecordsCommand.WriteBatch(w, [])).Kind);
        Assert.Equal(CommandFaultKind.Invalid, Fault(w => RecordsCommand.WriteExpire(w, [])).Kind);
        Assert.Equal(CommandFaultKind.Invalid, Fault(_ => { }).Kind);
        var many = Enumerable.Repeat(RecordOperation.Delete("key"u8.ToArray()), Limits.BatchOperationsMax + 1).ToArray();
        Assert.True(Fault(w => RecordsCommand.WriteBatch(w, many.AsSpan(1))).IsNone);
        Assert.Equal(CommandFaultKind.Invalid, Fault(w => RecordsCommand.WriteBatch(w, many)).Kind);
    }

    [Fact]
    public void A_small_value_is_copied_out_of_a_large_frame_and_a_large_one_is_kept()
    {
        var frame = new byte[1_000_000];
        Assert.False(KeptBytes.Of(frame.AsMemory(10, 200)).Equals(frame.AsMemory(10, 200)));
        Assert.False(KeptBytes.Of(frame.AsMemory(10, 900_000)).Equals(frame.AsMemory(10, 900_000)));
        Assert.True(KeptBytes.Of(frame.AsMemory(100, 999_800)).Equals(frame.AsMemory(100, 999_800)));
    }

    private WriteResult Cas(string key, HybridTime expected, string value) =>
        _replica.Write(w => RecordsCommand.WriteCompareAndSet(w, Replica.Bytes(key), expected, Replica.Bytes(value)));

    private static (RecordsStatus Status, HybridTime Version) StatusAndVersion(WriteResult result) => (result.Status, result.Version);
}
