using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class ModificationTests
{
    private const string Table =
        "CREATE TABLE t (p int, c int, v text, n int, s int static, l list<int>, st set<text>, m map<text, int>, PRIMARY KEY (p, c))";

    [Fact]
    public async Task What_is_inserted_is_read_back_and_null_deletes()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        Assert.Equal("void", await cql.Run("INSERT INTO t (p, c, v, n) VALUES (1, 2, 'a', 3)"));
        Assert.Equal("1, 2, null, null, null, 3, null, 'a'", await cql.Run("SELECT * FROM t"));
        await cql.Run("INSERT INTO t (p, c, v) VALUES (1, 2, null)");
        Assert.Equal("null, 3", await cql.Run("SELECT v, n FROM t"));
        await cql.Run("DELETE n FROM t WHERE p = 1 AND c = 2");
        Assert.Equal("1, 2, null", await cql.Run("SELECT p, c, n FROM t"));
    }

    [Fact]
    public async Task A_row_that_only_updates_made_is_gone_with_its_last_value()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        await cql.Run("UPDATE t SET v = 'a' WHERE p = 1 AND c = 2");
        Assert.Equal("'a'", await cql.Run("SELECT v FROM t"));
        await cql.Run("UPDATE t SET v = null WHERE p = 1 AND c = 2");
        Assert.Equal("", await cql.Run("SELECT v FROM t"));
    }

    [Fact]
    public async Task An_unset_value_leaves_what_was_there()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        await cql.Run("INSERT INTO t (p, c, v) VALUES (1, 2, 'a')");
        var options = StatementOptions.Default with { Values = [CqlValue.Unset, CqlValue.Of(CqlBytes.Of(9))] };
        await cql.Session.ExecuteAsync("INSERT INTO t (p, c, v, n) VALUES (1, 2, ?, ?)", options);
        Assert.Equal("'a', 9", await cql.Run("SELECT v, n FROM t"));
    }

    [Fact]
    public async Task Lists_grow_at_both_ends_and_change_inside()
    {
        using var cql = await Cql.WithKeyspace(null, Table, "INSERT INTO t (p, c, l) VALUES (1, 1, [1, 2])");
        await cql.Run("UPDATE t SET l = l + [3, 4] WHERE p = 1 AND c = 1");
        await cql.Run("UPDATE t SET l = [8, 9] + l WHERE p = 1 AND c = 1");
        Assert.Equal("[8, 9, 1, 2, 3, 4]", await cql.Run("SELECT l FROM t"));
        await cql.Run("UPDATE t SET l[1] = 7 WHERE p = 1 AND c = 1");
        await cql.Run("DELETE l[0] FROM t WHERE p = 1 AND c = 1");
        Assert.Equal("[7, 1, 2, 3, 4]", await cql.Run("SELECT l FROM t"));
        await cql.Run("UPDATE t SET l = l - [1, 3, 5] WHERE p = 1 AND c = 1");
        Assert.Equal("[7, 2, 4]", await cql.Run("SELECT l FROM t"));
        Assert.Equal(
            "List index 3 out of bound, list has size 3", await cql.Invalid("UPDATE t SET l[3] = 1 WHERE p = 1 AND c = 1"));
        await cql.Run("UPDATE t SET l = [5] WHERE p = 1 AND c = 1");
        Assert.Equal("[5]", await cql.Run("SELECT l FROM t"));
        await cql.Run("UPDATE t SET l = [] WHERE p = 1 AND c = 1");
        Assert.Equal("null", await cql.Run("SELECT l FROM t"));
    }

    [Fact]
    public async Task Sets_and_maps_are_sorted_and_change_by_element()
    {
        using var cql = await Cql.WithKeyspace(
            null, Table, "INSERT INTO t (p, c, st, m) VALUES (1, 1, {'b', 'a', 'b'}, {'y': 2, 'x': 1})");
        Assert.Equal("{'a', 'b'}, {'x': 1, 'y': 2}", await cql.Run("SELECT st, m FROM t"));
        await cql.Run("UPDATE t SET st = st + {'', 'c'}, m['z'] = 3, m = m + {'w': 0} WHERE p = 1 AND c = 1");
        await cql.Run("UPDATE t SET st = st - {'a'}, m = m - {'x'} WHERE p = 1 AND c = 1");
        Assert.Equal("{'', 'b', 'c'}, {'w': 0, 'y': 2, 'z': 3}", await cql.Run("SELECT st, m FROM t"));
        await cql.Run("DELETE st['b'], m['y'] FROM t WHERE p = 1 AND c = 1");
        Assert.Equal("{'', 'c'}, {'w': 0, 'z': 3}", await cql.Run("SELECT st, m FROM t"));
        Assert.Equal("3, {'w': 0}", await cql.Run("SELECT m['z'], m['a'..'x'] FROM t"));
        Assert.Equal("null, 'c', null", await cql.Run("SELECT st['x'], st['c'], m['x'] FROM t"));
        await cql.Run("UPDATE t SET m['z'] = null WHERE p = 1 AND c = 1");
        Assert.Equal("{'w': 0}", await cql.Run("SELECT m FROM t"));
        Assert.Equal("1", await cql.Run("SELECT p FROM t WHERE st CONTAINS 'c' AND m CONTAINS KEY 'w' ALLOW FILTERING"));
        Assert.Equal("", await cql.Run("SELECT p FROM t WHERE m['w'] = 1 ALLOW FILTERING"));
    }

    [Fact]
    public async Task A_set_that_a_client_sends_unsorted_is_sorted()
    {
        using var cql = await Cql.WithKeyspace(null, "CREATE TABLE f (k int PRIMARY KEY, s frozen<set<int>>)");
        await cql.RunPrepared(
            "INSERT INTO f (k, s) VALUES (?, ?)", CqlBytes.Of(1),
            CqlSequence.WriteList([CqlBytes.Of(3), CqlBytes.Of(1), CqlBytes.Of(3), CqlBytes.Of(-1)]));
        Assert.Equal("{-1, 1, 3}", await cql.Run("SELECT s FROM f"));
    }

    [Fact]
    public async Task User_types_and_tuples_are_written_whole_and_by_field()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TYPE point (x int, label text)",
            "CREATE TABLE u (k int PRIMARY KEY, a point, f frozen<point>, t tuple<int, text>)",
            "INSERT INTO u (k, a, f, t) VALUES (1, {x: 1, label: 'one'}, {x: 2}, (3, 'three'))");
        Assert.Equal("{x: 1, label: 'one'}, {x: 2, label: null}, (3, 'three')", await cql.Run("SELECT a, f, t FROM u"));
        await cql.Run("UPDATE u SET a.x = 5 WHERE k = 1");
        await cql.Run("DELETE a.label FROM u WHERE k = 1");
        Assert.Equal("{x: 5, label: null}, 5, 2", await cql.Run("SELECT a, a.x, f.x FROM u"));
        await cql.Run("ALTER TYPE point ADD z int");
        Assert.Equal("{x: 5, label: null, z: null}, {x: 2, label: null, z: null}", await cql.Run("SELECT a, f FROM u"));
        Assert.Equal("Unknown field 'w' in value of user defined type point", await cql.Invalid("UPDATE u SET f = {w: 1} WHERE k = 1"));
    }

    [Fact]
    public async Task Static_columns_have_one_value_for_a_partition()
    {
        using var cql = await Cql.WithKeyspace(
            null, Table, "INSERT INTO t (p, c, s) VALUES (1, 1, 10)", "INSERT INTO t (p, c) VALUES (1, 2)");
        Assert.Equal("1, 10; 2, 10", await cql.Run("SELECT c, s FROM t"));
        await cql.Run("UPDATE t SET s = 11 WHERE p = 1");
        Assert.Equal("1, 11; 2, 11", await cql.Run("SELECT c, s FROM t"));
        await cql.Run("DELETE FROM t WHERE p = 1 AND c = 1");
        await cql.Run("DELETE FROM t WHERE p = 1 AND c = 2");
        Assert.Equal("1, null, 11", await cql.Run("SELECT p, c, s FROM t"));
        await cql.Run("DELETE s FROM t WHERE p = 1");
        Assert.Equal("", await cql.Run("SELECT p, c, s FROM t"));
    }

    [Fact]
    public async Task Ranges_and_partitions_are_deleted()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        for (var c = 0; c < 6; c++)
        {
            await cql.Run($"INSERT INTO t (p, c, n) VALUES (1, {c}, {c})");
            await cql.Run($"INSERT INTO t (p, c, n) VALUES (2, {c}, {c})");
        }

        await cql.Run("DELETE FROM t WHERE p = 1 AND c > 1 AND c <= 4");
        Assert.Equal("0; 1; 5", await cql.Run("SELECT n FROM t WHERE p = 1"));
        await cql.Run("DELETE FROM t WHERE p IN (1, 2) AND c IN (0, 1)");
        Assert.Equal("5; 2; 3; 4; 5", await cql.Run("SELECT n FROM t WHERE p IN (1, 2)"));
        await cql.Run("DELETE FROM t WHERE p = 2");
        Assert.Equal("5", await cql.Run("SELECT n FROM t"));
        await cql.Run("TRUNCATE t");
        Assert.Equal("", await cql.Run("SELECT n FROM t"));
    }

    [Fact]
    public async Task The_higher_timestamp_wins_whatever_came_last()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        await cql.Run("INSERT INTO t (p, c, v) VALUES (1, 1, 'late') USING TIMESTAMP 2000");
        await cql.Run("UPDATE t USING TIMESTAMP 1000 SET v = 'early', n = 1 WHERE p = 1 AND c = 1");
        Assert.Equal("'late', 1, 2000, 1000", await cql.Run("SELECT v, n, writetime(v), writetime(n) FROM t"));
        await cql.Run("DELETE FROM t USING TIMESTAMP 1500 WHERE p = 1 AND c = 1");
        Assert.Equal("'late', null", await cql.Run("SELECT v, n FROM t"));
    }

    [Fact]
    public async Task Museum_row_23_The_time_that_a_driver_sends_along_hides_nothing()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        var fast = StatementOptions.Default with { DefaultTimestampMicros = 9_000_000_000_000_000 };
        await cql.Session.ExecuteAsync("INSERT INTO t (p, c, v) VALUES (1, 1, 'fast')", fast);
        await cql.Run("UPDATE t SET v = 'later' WHERE p = 1 AND c = 1");
        Assert.Equal("'later'", await cql.Run("SELECT v FROM t"));
    }

    [Fact]
    public async Task What_has_a_time_to_live_expires()
    {
        var time = new ManualTime();
        using var cql = await Cql.WithKeyspace(
            time, "CREATE TABLE e (k int PRIMARY KEY, v int, w int) WITH default_time_to_live = 100",
            "INSERT INTO e (k, v) VALUES (1, 1)", "UPDATE e USING TTL 10 SET w = 2 WHERE k = 1");
        Assert.Equal("1, 100, 2, 10", await cql.Run("SELECT v, ttl(v), w, ttl(w) FROM e"));
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("1, null", await cql.Run("SELECT v, w FROM e"));
        time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal("", await cql.Run("SELECT v, w FROM e"));
        Assert.Equal("ttl is too large. requested (700000000) maximum (630720000)",
            await cql.Invalid("INSERT INTO e (k) VALUES (1) USING TTL 700000000"));
    }

    [Fact]
    public async Task Counters_count()
    {
        using var cql = await Cql.WithKeyspace(null, "CREATE TABLE n (k int PRIMARY KEY, a counter, b counter)");
        await cql.Run("UPDATE n SET a = a + 5, b += 1 WHERE k = 1");
        await cql.RunPrepared("UPDATE n SET a = a - ? WHERE k = ?", CqlBytes.Of(7L), CqlBytes.Of(1));
        Assert.Equal("-2, 1", await cql.Run("SELECT a, b FROM n"));
        Assert.Equal("INSERT statements are not allowed on counter tables, use UPDATE instead",
            await cql.Invalid("INSERT INTO n (k, a) VALUES (1, 1)"));
        Assert.Equal("Cannot set the value of counter column a (counters can only be incremented/decremented, not set)",
            await cql.Invalid("UPDATE n SET a = 1 WHERE k = 1"));
        await cql.Run("BEGIN COUNTER BATCH UPDATE n SET a = a + 1 WHERE k = 1; UPDATE n SET a = a + 1 WHERE k = 2; APPLY BATCH");
        Assert.Equal("-1; 1", string.Join("; ", (await cql.Run("SELECT a FROM n WHERE k IN (1, 2)")).Split("; ").Order()));
        Assert.Equal("Cannot include a counter statement in a logged batch",
            await cql.Invalid("BEGIN BATCH UPDATE n SET a = a + 1 WHERE k = 1; APPLY BATCH"));
    }

    [Fact]
    public async Task Json_is_written_and_read()
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        await cql.Run("INSERT INTO t JSON '{\"p\": 1, \"c\": \"2\", \"v\": \"x\\\"y\", \"l\": [3, 1], \"m\": {\"a\": 1}}'");
        Assert.Equal("'x\"y', [3, 1], {'a': 1}", await cql.Run("SELECT v, l, m FROM t"));
        await cql.Run("INSERT INTO t JSON '{\"p\": 1, \"c\": 2, \"n\": 5}' DEFAULT UNSET");
        Assert.Equal("'{\"c\": 2, \"n\": 5, \"v\": \"x\\\"y\", \"m\": {\"a\": 1}}'", await cql.Run("SELECT JSON c, n, v, m FROM t"));
        await cql.Run("INSERT INTO t JSON '{\"p\": 1, \"c\": 2, \"n\": 6}'");
        Assert.Equal("6, null", await cql.Run("SELECT n, v FROM t"));
    }

    [Fact]
    public async Task A_batch_is_many_writes_in_one()
    {
        using var cql = await Cql.WithKeyspace(null, Table, "CREATE TABLE o (k int PRIMARY KEY, v int)");
        await cql.Run("BEGIN BATCH INSERT INTO t (p, c, n) VALUES (1, 1, 1); INSERT INTO t (p, c, n) VALUES (2, 1, 2); "
            + "INSERT INTO o (k, v) VALUES (1, 3); DELETE FROM t WHERE p = 3; APPLY BATCH");
        Assert.Equal("1; 2", await cql.Run("SELECT n FROM t WHERE p IN (1, 2)"));
        Assert.Equal("3", await cql.Run("SELECT v FROM o"));
        var insert = await cql.Session.PrepareAsync("INSERT INTO o (k, v) VALUES (?, ?)", null);
        await cql.Session.ExecuteBatchAsync(
            BatchKind.Logged,
            [
                new BatchEntry { Prepared = insert, Values = [CqlValue.Of(CqlBytes.Of(1)), CqlValue.Of(CqlBytes.Of(10))] },
                new BatchEntry { Query = "UPDATE o SET v = 20 WHERE k = 2" },
            ],
            StatementOptions.Default);
        Assert.Equal("10; 20", await cql.Run("SELECT v FROM o WHERE k IN (1, 2)"));
    }

    [Theory]
    [InlineData("INSERT INTO t (p, v) VALUES (1, 'a')", "Some clustering keys are missing: c")]
    [InlineData("INSERT INTO t (c, v) VALUES (1, 'a')", "Some partition key parts are missing: p")]
    [InlineData("INSERT INTO t (p, c) VALUES (1)", "Unmatched column names/values")]
    [InlineData("INSERT INTO t (p, c, nope) VALUES (1, 1, 1)", "Undefined column name nope in table ks.t")]
    [InlineData("INSERT INTO t (p, c) VALUES (null, 1)", "Invalid null value in condition for column p")]
    [InlineData("UPDATE t SET v = 'a' WHERE p = 1", "Some clustering keys are missing: c")]
    [InlineData("UPDATE t SET c = 1 WHERE p = 1 AND c = 1", "PRIMARY KEY part c found in SET part")]
    [InlineData("UPDATE t SET v = 'a' WHERE p = 1 AND c > 1",
        "Slice restrictions are not supported on the clustering columns in UPDATE statements")]
    [InlineData("UPDATE t SET v = 'a' WHERE p = 1 AND c = 1 AND n = 1", "Non PRIMARY KEY columns found in where clause: n ")]
    [InlineData("UPDATE t SET n = n + 1 WHERE p = 1 AND c = 1", "Invalid operation (n = n + 1) for non counter column n")]
    [InlineData("DELETE v FROM t WHERE p = 1", "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order "
        + "to delete non static columns")]
    [InlineData("INSERT INTO system_schema.tables (keyspace_name, table_name) VALUES ('a', 'b')",
        "Modification is not supported by table system_schema.tables")]
    public async Task A_wrong_write_is_refused_in_Cassandras_words(string query, string message)
    {
        using var cql = await Cql.WithKeyspace(null, Table);
        Assert.Equal(message, await cql.Invalid(query));
    }
}
