using Atoll.Foundation.Randomness;
using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Directory;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class SchemaTests
{
    [Fact]
    public async Task What_is_created_is_described_and_can_be_created_again_from_that()
    {
        string[] statements =
        [
            "CREATE TYPE street (name text, number int)",
            "CREATE TYPE address (s frozen<street>, \"City\" text)",
            "CREATE TABLE people (id uuid, part int, at timestamp, home address, tags set<text>, m map<text, frozen<list<int>>>, "
            + "kept text static, PRIMARY KEY ((id, part), at)) WITH CLUSTERING ORDER BY (at DESC) AND comment = 'it''s' "
            + "AND default_time_to_live = 60 AND compaction = {'class': 'LeveledCompactionStrategy'}",
            "CREATE INDEX by_tag ON people (tags)",
            "CREATE TABLE counts (k text PRIMARY KEY, n counter)",
        ];
        using var cql = await Cql.WithKeyspace(null, statements);
        var described = (RowsResult)await cql.Session.ExecuteAsync("DESCRIBE KEYSPACE ks", StatementOptions.Default);
        using var other = new Cql();
        foreach (var row in described.Rows)
        {
            await other.Run(System.Text.Encoding.UTF8.GetString(row[3]!.Value.Span));
        }

        Assert.Equal(
            Cql.Text(described), Cql.Text(await other.Session.ExecuteAsync("DESCRIBE KEYSPACE ks", StatementOptions.Default)));
        Assert.Contains("PRIMARY KEY ((id, part), at)", Cql.Text(described), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_keyspace_survives_its_document()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TYPE a (x int)", "CREATE TYPE b (y frozen<a>, z frozen<map<text, frozen<a>>>)",
            "CREATE TABLE t (p int, c int, v b, s frozen<tuple<int, a>> static, PRIMARY KEY (p, c))", "ALTER TABLE t DROP v",
            "ALTER TABLE t ADD v int");
        var keyspace = cql.Tables.Schema.Keyspaces["ks"];
        var bytes = KeyspaceDocument.Encode(keyspace);
        Assert.True(KeyspaceDocument.TryDecode(bytes, out var back));
        Assert.Equal(bytes, KeyspaceDocument.Encode(back!));
        Assert.Equal(keyspace.Tables["t"].Columns, back!.Tables["t"].Columns);
        Assert.True(keyspace.Tables["t"].TryGetColumn("v", out var v));
        Assert.Equal(4u, v.Id);

        var random = new Prng(5);
        for (var round = 0; round < 2000; round++)
        {
            var damaged = bytes.ToArray();
            damaged[(int)random.NextBelow((ulong)damaged.Length)] ^= (byte)(1 + random.NextBelow(255));
            KeyspaceDocument.TryDecode(damaged.AsMemory(0, (int)random.NextBelow((ulong)damaged.Length)), out _);
        }
    }

    [Fact]
    public async Task A_keyspace_may_be_eventual_with_any_number_of_replicas()
    {
        var shards = new InMemoryRowShards(TimeProvider.System);
        using var cql = new Cql(shards: shards);
        var created = await cql.Session.ExecuteAsync(
            "CREATE KEYSPACE e WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2} AND fault_model = 'Eventual'",
            StatementOptions.Default);
        Assert.Empty(created.Warnings);
        Assert.Equal("Created Table e.t", await cql.Run("CREATE TABLE e.t (a int PRIMARY KEY)"));
        var space = new RowSpaceOptions(cql.Tables.Schema.Keyspaces["e"].Tables["t"].SpaceName, 2, 4, FaultModel.Eventual);
        await shards.CreateAsync(space, default);
        await Assert.ThrowsAsync<AtollException>(
            async () => await shards.CreateAsync(space with { FaultModel = FaultModel.Strong }, default));
        Assert.Contains("fault_model = ''eventual''", await cql.Run("DESCRIBE KEYSPACE e"), StringComparison.Ordinal);
        Assert.Equal("'eventual'", await cql.Run("SELECT fault_model FROM system_schema.keyspaces WHERE keyspace_name = 'e'"));
        var refused = await cql.Fail("ALTER KEYSPACE e WITH fault_model = 'strong'");
        Assert.Equal("The fault_model of keyspace 'e' cannot be changed while it has tables", refused.Message);
        Assert.Equal("Dropped Table e.t", await cql.Run("DROP TABLE e.t"));
        Assert.Equal("Updated Keyspace e", await cql.Run("ALTER KEYSPACE e WITH fault_model = 'strong'"));
        Assert.Equal(CqlErrorCode.ConfigError, (await cql.Fail("ALTER KEYSPACE e WITH fault_model = 'byzantine'")).Code);
    }

    [Fact]
    public async Task A_keyspace_may_say_how_many_replicas_a_region_has_and_where_its_data_may_be()
    {
        var shards = new InMemoryRowShards(TimeProvider.System);
        using var cql = new Cql(shards: shards);
        Assert.Equal("Created Keyspace r", await cql.Run(
            "CREATE KEYSPACE r WITH replication = {'class': 'NetworkTopologyStrategy', 'eu': 3, 'us': 2} AND fault_model = 'eventual' "
            + "AND allowed_regions = 'us, eu'"));
        Assert.Equal("Created Table r.t", await cql.Run("CREATE TABLE r.t (a int PRIMARY KEY)"));
        var table = cql.Tables.Schema.Keyspaces["r"].Tables["t"].SpaceName;
        var wanted = new RowSpaceOptions(
            table, 5, 4, FaultModel.Eventual, SpaceRegions.Of([new("us", 2), new("eu", 3)], ["eu", "us"]));
        await shards.CreateAsync(wanted, default);
        await Assert.ThrowsAsync<AtollException>(async () => await shards.CreateAsync(wanted with { Regions = null }, default));
        Assert.Contains("allowed_regions = ''eu, us''", await cql.Run("DESCRIBE KEYSPACE r"), StringComparison.Ordinal);
        var refused = await cql.Fail("ALTER KEYSPACE r WITH allowed_regions = 'eu'");
        Assert.Equal(CqlErrorCode.ConfigError, refused.Code);
        Assert.Equal(
            "Region 'us' has replicas in keyspace 's' and is not in allowed_regions",
            (await cql.Fail("CREATE KEYSPACE s WITH replication = {'class': 'NetworkTopologyStrategy', 'eu': 1, 'us': 1} "
                + "AND allowed_regions = 'eu'")).Message);
        var batch = "BEGIN BATCH INSERT INTO r.t (a) VALUES (1); INSERT INTO q.t (a) VALUES (2); APPLY BATCH";
        await cql.Run(
            "CREATE KEYSPACE q WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND allowed_regions = 'us'");
        await cql.Run("CREATE TABLE q.t (a int PRIMARY KEY)");
        Assert.Contains("no region may store all of it", (await cql.Fail(batch)).Message, StringComparison.Ordinal);
        Assert.Equal("void", await cql.Run(batch.Replace("BEGIN BATCH", "BEGIN UNLOGGED BATCH", StringComparison.Ordinal)));
        Assert.Equal("void", await cql.Run(batch.Replace("q.t", "r.t", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Schema_changes_say_what_changed()
    {
        using var cql = new Cql();
        Assert.Equal("Created Keyspace k", await cql.Run(
            "CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3} AND durable_writes = false"));
        Assert.Equal("Created Table k.t", await cql.Run("CREATE TABLE k.t (a int PRIMARY KEY)"));
        Assert.Equal("void", await cql.Run("CREATE TABLE IF NOT EXISTS k.t (a int PRIMARY KEY)"));
        Assert.Equal("Updated Table k.t", await cql.Run("ALTER TABLE k.t ADD b int"));
        Assert.Equal("Updated Table k.t", await cql.Run("CREATE INDEX ON k.t (b)"));
        Assert.Equal("Updated Table k.t", await cql.Run("DROP INDEX k.t_b_idx"));
        Assert.Equal("Created Type k.u", await cql.Run("CREATE TYPE k.u (x int)"));
        Assert.Equal("Updated Type k.u", await cql.Run("ALTER TYPE k.u RENAME x TO y"));
        Assert.Equal("Dropped Type k.u", await cql.Run("DROP TYPE k.u"));
        Assert.Equal("Dropped Table k.t", await cql.Run("DROP TABLE k.t"));
        Assert.Equal("void", await cql.Run("DROP TABLE IF EXISTS k.t"));
        Assert.Equal("Updated Keyspace k", await cql.Run("ALTER KEYSPACE k WITH durable_writes = true"));
        Assert.Equal("Dropped Keyspace k", await cql.Run("DROP KEYSPACE k"));
    }

    [Theory]
    [InlineData("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", CqlErrorCode.AlreadyExists,
        "Cannot add existing keyspace \"ks\"")]
    [InlineData("CREATE KEYSPACE x WITH replication = {'class': 'Nope'}", CqlErrorCode.ConfigError,
        "Unable to find replication strategy class 'org.apache.cassandra.locator.Nope'")]
    [InlineData("CREATE KEYSPACE x WITH durable_writes = true", CqlErrorCode.ConfigError, "Missing mandatory option 'replication'")]
    [InlineData("CREATE TABLE t (a int PRIMARY KEY)", CqlErrorCode.AlreadyExists,
        "Cannot add already existing table \"t\" to keyspace \"ks\"")]
    [InlineData("CREATE TABLE x.t (a int PRIMARY KEY)", CqlErrorCode.Invalid, "Keyspace 'x' doesn't exist")]
    [InlineData("CREATE TABLE x (a int)", CqlErrorCode.Invalid, "No PRIMARY KEY specifed for table 'x' (exactly one required)")]
    [InlineData("CREATE TABLE x (a int PRIMARY KEY, b list<list<int>>)", CqlErrorCode.Invalid,
        "Non-frozen collections are not allowed inside collections: list<list<int>>")]
    [InlineData("CREATE TABLE x (a list<int> PRIMARY KEY)", CqlErrorCode.Invalid,
        "Invalid non-frozen collection type list<int> for PRIMARY KEY column 'a'")]
    [InlineData("CREATE TABLE x (a duration PRIMARY KEY)", CqlErrorCode.Invalid,
        "duration type is not supported for PRIMARY KEY column 'a'")]
    [InlineData("CREATE TABLE x (a int PRIMARY KEY, b counter, c int)", CqlErrorCode.Invalid,
        "Cannot mix counter and non counter columns in the same table")]
    [InlineData("CREATE TABLE x (a int PRIMARY KEY, b nope)", CqlErrorCode.Invalid, "Unknown type ks.nope")]
    [InlineData("CREATE TABLE x (a int PRIMARY KEY) WITH nope = 1", CqlErrorCode.Syntax, "Unknown property 'nope'")]
    [InlineData("ALTER TABLE t ADD v int", CqlErrorCode.Invalid, "Column with name 'v' already exists")]
    [InlineData("ALTER TABLE t DROP p", CqlErrorCode.Invalid, "Cannot drop PRIMARY KEY column p")]
    [InlineData("ALTER TABLE t DROP nope", CqlErrorCode.Invalid, "Column nope was not found in table 'ks.t'")]
    [InlineData("ALTER TABLE nope ADD v int", CqlErrorCode.Invalid, "Table 'ks.nope' doesn't exist")]
    [InlineData("DROP TYPE u", CqlErrorCode.Invalid, "Cannot drop user type 'ks.u' as it is still used by tables t")]
    [InlineData("DROP KEYSPACE nope", CqlErrorCode.Invalid, "Keyspace 'nope' doesn't exist")]
    [InlineData("USE nope", CqlErrorCode.Invalid, "Keyspace 'nope' does not exist")]
    [InlineData("DROP TABLE system_schema.tables", CqlErrorCode.Unauthorized, "system_schema keyspace is not user-modifiable.")]
    public async Task A_wrong_change_is_refused_in_Cassandras_words(string statement, CqlErrorCode code, string message)
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TYPE u (x int)", "CREATE TABLE t (p int PRIMARY KEY, v int, w frozen<u>)");
        var error = await cql.Fail(statement);
        Assert.Equal((code, message), (error.Code, error.Message));
    }

    [Fact]
    public async Task Drivers_read_the_schema_from_tables()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE t (p int, c text, s int static, v list<int>, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)",
            "CREATE TYPE u (x int)", "CREATE INDEX iv ON t (v)");
        Assert.Equal(
            "'c', 'desc', 'clustering', 0, 'text'; 'p', 'none', 'partition_key', 0, 'int'; 's', 'none', 'static', -1, 'int'; "
            + "'v', 'none', 'regular', -1, 'list<int>'",
            await cql.Run("SELECT column_name, clustering_order, kind, position, type FROM system_schema.columns "
                + "WHERE keyspace_name = 'ks' AND table_name = 't'"));
        Assert.Equal("'t', {'compound'}", await cql.Run("SELECT table_name, flags FROM system_schema.tables WHERE keyspace_name = 'ks'"));
        Assert.Equal(
            "{'class': 'org.apache.cassandra.locator.SimpleStrategy', 'replication_factor': '1'}",
            await cql.Run("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'ks'"));
        Assert.Equal("'iv', 'COMPOSITES', {'target': 'values(v)'}",
            await cql.Run("SELECT index_name, kind, options FROM system_schema.indexes"));
        Assert.Equal("['x'], ['int']", await cql.Run("SELECT field_names, field_types FROM system_schema.types"));
        Assert.Equal("", await cql.Run("SELECT * FROM system_schema.functions"));
    }

    [Fact]
    public async Task A_virtual_table_is_paged_like_any_other()
    {
        using var cql = await Cql.WithKeyspace(null, "CREATE TABLE t (a int PRIMARY KEY, b int, c int, d int)");
        var whole = await cql.Run("SELECT keyspace_name, table_name, column_name FROM system_schema.columns");
        var parts = new List<string>();
        ReadOnlyMemory<byte> state = default;
        do
        {
            var page = (RowsResult)await cql.Session.ExecuteAsync(
                "SELECT keyspace_name, table_name, column_name FROM system_schema.columns",
                StatementOptions.Default with { PageSize = 3, PagingState = state });
            parts.Add(Cql.Text(page));
            state = page.PagingState;
        }
        while (!state.IsEmpty);
        Assert.Equal(whole, string.Join("; ", parts));
    }

    [Fact]
    public async Task Changes_of_many_clients_at_once_all_happen()
    {
        var store = new MemoryDocuments();
        var shards = new InMemoryRowShards(TimeProvider.System);
        using var first = new Cql(store, shards);
        using var second = new Cql(store, shards);
        var seen = new List<SchemaChange>();
        using var subscription = second.Tables.Subscribe(seen.Add);
        await first.Run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await Task.WhenAll(Enumerable.Range(0, 10).Select(number => Task.Run(async () =>
            await (number % 2 == 0 ? first : second).Run($"CREATE TABLE ks.t{number} (a int PRIMARY KEY)"))));
        await first.Tables.LoadSchemaAsync();
        await second.Tables.LoadSchemaAsync();
        Assert.Equal(10, first.Tables.Schema.Keyspaces["ks"].Tables.Count);
        Assert.Equal(first.Tables.Schema.Version, second.Tables.Schema.Version);
        Assert.Equal(
            Enumerable.Range(0, 10).Select(number => $"t{number}"),
            seen.Where(change => change.Target == SchemaChangeTarget.Table).Select(change => change.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Who_asks_while_the_schema_is_read_for_the_first_time_waits_for_it()
    {
        var store = new SlowSchemaStore();
        using var catalog = new SchemaCatalog(store);
        var first = catalog.LoadAsync(CancellationToken.None).AsTask();
        var second = catalog.LoadAsync(CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted);
        store.Answer.SetResult([]);
        await first;
        await second;
        Assert.Equal(1, store.Reads);

        store.Changed!();
        await catalog.LoadAsync(CancellationToken.None);
        Assert.Equal(2, store.Reads);
    }

    [Fact]
    public async Task A_table_created_where_another_was_dropped_has_none_of_its_rows()
    {
        using var cql = await Cql.WithKeyspace(null, "CREATE TABLE t (a int PRIMARY KEY, b int)", "INSERT INTO t (a, b) VALUES (1, 1)");
        await cql.Run("DROP TABLE t");
        await cql.Run("CREATE TABLE t (a int PRIMARY KEY, b int)");
        Assert.Equal("", await cql.Run("SELECT * FROM t"));
    }

    [Fact]
    public async Task A_column_added_where_another_was_dropped_has_none_of_its_values()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE t (a int PRIMARY KEY, b int, c int)", "INSERT INTO t (a, b, c) VALUES (1, 1, 2)");
        await cql.Run("ALTER TABLE t DROP b");
        Assert.Equal("1, 2", await cql.Run("SELECT * FROM t"));
        await cql.Run("ALTER TABLE t ADD b text");
        Assert.Equal("1, null, 2", await cql.Run("SELECT * FROM t"));
    }

    [Fact]
    public async Task A_table_whose_space_was_never_made_gets_it_when_it_is_used()
    {
        var shards = new InMemoryRowShards(TimeProvider.System);
        using var cql = new Cql(shards: shards);
        await cql.Run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await cql.Run("CREATE TABLE ks.t (a int PRIMARY KEY)");
        Assert.True(await shards.DropAsync(cql.Tables.Schema.Keyspaces["ks"].Tables["t"].SpaceName, CancellationToken.None));
        await cql.Run("INSERT INTO ks.t (a) VALUES (1)");
        Assert.Equal("1", await cql.Run("SELECT * FROM ks.t"));
    }

    private sealed class SlowSchemaStore : IDocumentStore
    {
        public TaskCompletionSource<IReadOnlyList<StoredDocument>> Answer { get; } = new();

        public Action? Changed { get; private set; }

        public int Reads { get; private set; }

        public ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken)
        {
            Reads++;
            return new(Answer.Task);
        }

        public ValueTask<bool> TryWriteAsync(
            string keyspace, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public IDisposable Subscribe(Action changed)
        {
            Changed = changed;
            return new MemoryStream(); // anything that can be disposed of
        }
    }
}
