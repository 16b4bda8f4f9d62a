using Atoll.Services.Tables.Language;
using Atoll.Services.Tables.Language.Syntax;
using Xunit;

namespace Atoll.Services.Tests.Language;

/// <summary>Statements about the schema, roles and permissions, and the trees that they become.</summary>
public sealed class SchemaParserTests
{
    private static readonly QualifiedName T = new(null, "t");
    private static readonly TypeName Int = new NativeTypeName("int");
    private static readonly TypeName Text = new NativeTypeName("text");

    public static TheoryData<string, TypeName> Types => new()
    {
        { "INT", Int },
        { "varchar", new NativeTypeName("varchar") },
        { "list<int>", new ListTypeName(Int) },
        { "set<frozen<list<int>>>", new SetTypeName(new FrozenTypeName(new ListTypeName(Int))) },
        { "map<text,int>", new MapTypeName(Text, Int) },
        { "tuple<int, text>", new TupleTypeName([Int, Text]) },
        { "frozen<ks.\"T\">", new FrozenTypeName(new UserTypeName(new QualifiedName("ks", "T"))) },
        { "\"int\"", new UserTypeName(new QualifiedName(null, "int")) },
        { "int.t", new UserTypeName(new QualifiedName("int", "t")) },
        { "map", new UserTypeName(new QualifiedName(null, "map")) },
        { "'org.example.Type'", new CustomTypeName("org.example.Type") },
    };

    public static TheoryData<string, Statement> Statements => new()
    {
        { "USE \"Ks\"", new UseStatement("Ks") },
        { "TRUNCATE TABLE ks.t", new TruncateStatement(new QualifiedName("ks", "t")) },
        { "TRUNCATE t", new TruncateStatement(T) },
        {
            "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND writes = true",
            new CreateKeyspaceStatement(
                "ks", true,
                [
                    new Property("replication", new PropertyMap(
                        [new PropertyEntry("class", "SimpleStrategy"), new PropertyEntry("replication_factor", "3")])),
                    new Property("writes", new PropertyText("true")),
                ])
        },
        { "ALTER SCHEMA ks WITH a = {}", new AlterKeyspaceStatement("ks", false, [new Property("a", new PropertyMap([]))]) },
        { "DROP KEYSPACE IF EXISTS ks", new DropKeyspaceStatement("ks", true) },
        {
            "CREATE TABLE t (a int PRIMARY KEY, b text static,)",
            new CreateTableStatement(
                T, false, [new ColumnDeclaration("a", Int, false), new ColumnDeclaration("b", Text, true)], ["a"], [])
        },
        {
            """
            CREATE COLUMNFAMILY IF NOT EXISTS t (a int, b int, c int, key int, PRIMARY KEY ((a, b), c, key))
            WITH CLUSTERING ORDER BY (c DESC, key ASC) AND comment = 'it''s' AND gc_grace_seconds = 10 AND COMPACT STORAGE
                AND compaction = {'class': 'X'} AND bloom_filter_fp_chance = 0.01 AND speculative_retry = key
            """,
            new CreateTableStatement(
                T, true,
                [
                    new ColumnDeclaration("a", Int, false), new ColumnDeclaration("b", Int, false),
                    new ColumnDeclaration("c", Int, false), new ColumnDeclaration("key", Int, false),
                ],
                ["a", "b"], ["c", "key"])
            {
                ClusteringOrder = [new Ordering("c", true), new Ordering("key", false)],
                IsCompactStorage = true,
                Properties =
                [
                    new Property("comment", new PropertyText("it's")),
                    new Property("gc_grace_seconds", new PropertyText("10")),
                    new Property("compaction", new PropertyMap([new PropertyEntry("class", "X")])),
                    new Property("bloom_filter_fp_chance", new PropertyText("0.01")),
                    new Property("speculative_retry", new PropertyText("key")),
                ],
            }
        },
        { "CREATE TABLE t (a int)", new CreateTableStatement(T, false, [new ColumnDeclaration("a", Int, false)], [], []) },
        { "ALTER TABLE t ALTER a TYPE text", new AlterTableStatement(T, false, new AlterColumnType("a", Text)) },
        {
            "ALTER TABLE IF EXISTS t ADD IF NOT EXISTS (a int, b text STATIC)",
            new AlterTableStatement(T, true, new AddColumns(
                true, [new ColumnDeclaration("a", Int, false), new ColumnDeclaration("b", Text, true)]))
        },
        {
            "ALTER TABLE t ADD a int",
            new AlterTableStatement(T, false, new AddColumns(false, [new ColumnDeclaration("a", Int, false)]))
        },
        { "ALTER TABLE t DROP a USING TIMESTAMP -5", new AlterTableStatement(T, false, new DropColumns(false, ["a"], -5)) },
        { "ALTER TABLE t DROP IF EXISTS (a, compact)", new AlterTableStatement(T, false, new DropColumns(true, ["a", "compact"], null)) },
        { "ALTER TABLE t DROP COMPACT STORAGE", new AlterTableStatement(T, false, new DropCompactStorage()) },
        {
            "ALTER TABLE t RENAME a TO b AND c TO d",
            new AlterTableStatement(T, false, new RenameColumns(false, [new Rename("a", "b"), new Rename("c", "d")]))
        },
        {
            "ALTER TABLE t WITH a = 1 AND b = 2",
            new AlterTableStatement(T, false, new AlterTableProperties(
                [new Property("a", new PropertyText("1")), new Property("b", new PropertyText("2"))]))
        },
        { "DROP TABLE ks.t", new DropTableStatement(new QualifiedName("ks", "t"), false) },
        {
            "CREATE TYPE IF NOT EXISTS ks.u (a int, key text)",
            new CreateTypeStatement(
                new QualifiedName("ks", "u"), true, [new FieldDeclaration("a", Int), new FieldDeclaration("key", Text)])
        },
        {
            "ALTER TYPE u ADD a int",
            new AlterTypeStatement(new QualifiedName(null, "u"), false, new AddField(false, new FieldDeclaration("a", Int)))
        },
        {
            "ALTER TYPE u RENAME a TO b AND c TO d",
            new AlterTypeStatement(
                new QualifiedName(null, "u"), false, new RenameFields(false, [new Rename("a", "b"), new Rename("c", "d")]))
        },
        { "ALTER TYPE u ALTER a TYPE int", new AlterTypeStatement(new QualifiedName(null, "u"), false, new AlterFieldType("a", Int)) },
        { "DROP TYPE IF EXISTS u", new DropTypeStatement(new QualifiedName(null, "u"), true) },
        { "CREATE INDEX ON t (a)", new CreateIndexStatement(null, T, false, [new IndexedColumn(IndexedPart.Column, "a")]) },
        {
            "CREATE INDEX IF NOT EXISTS i ON t (KEYS(m))",
            new CreateIndexStatement("i", T, true, [new IndexedColumn(IndexedPart.Keys, "m")])
        },
        {
            "CREATE CUSTOM INDEX i ON t (values, ENTRIES(m), FULL(l), VALUES(s)) USING 'c' WITH OPTIONS = {'a': 'b'}",
            new CreateIndexStatement(
                "i", T, false,
                [
                    new IndexedColumn(IndexedPart.Column, "values"), new IndexedColumn(IndexedPart.Entries, "m"),
                    new IndexedColumn(IndexedPart.Full, "l"), new IndexedColumn(IndexedPart.Values, "s"),
                ])
            {
                IsCustom = true,
                ClassName = "c",
                Properties = [new Property("options", new PropertyMap([new PropertyEntry("a", "b")]))],
            }
        },
        { "DROP INDEX IF EXISTS ks.i", new DropIndexStatement(new QualifiedName("ks", "i"), true) },
        {
            "CREATE MATERIALIZED VIEW v AS SELECT a, b FROM t WHERE a IS NOT NULL AND b IS NOT NULL PRIMARY KEY (b, a) WITH comment = 'c'",
            new CreateViewStatement(
                new QualifiedName(null, "v"), false,
                [new Selector(new ColumnTerm("a"), null), new Selector(new ColumnTerm("b"), null)], T,
                [new NotNullRelation("a"), new NotNullRelation("b")], ["b"], ["a"])
            {
                Properties = [new Property("comment", new PropertyText("c"))],
            }
        },
        { "DROP MATERIALIZED VIEW v", new DropViewStatement(new QualifiedName(null, "v"), false) },
        {
            "CREATE OR REPLACE FUNCTION ks.f (a int, b text) CALLED ON NULL INPUT RETURNS text LANGUAGE Java AS $$return \"x\";$$",
            new CreateFunctionStatement(
                new QualifiedName("ks", "f"), true, false, [new FieldDeclaration("a", Int), new FieldDeclaration("b", Text)], true,
                Text, "java", "return \"x\";")
        },
        { "DROP FUNCTION f (int, text)", new DropFunctionStatement(new QualifiedName(null, "f"), false, [Int, Text]) },
        { "DROP FUNCTION IF EXISTS f", new DropFunctionStatement(new QualifiedName(null, "f"), true, null) },
        {
            "CREATE AGGREGATE a (int) SFUNC s STYPE tuple<int, int> FINALFUNC f INITCOND (0, 0)",
            new CreateAggregateStatement(
                new QualifiedName(null, "a"), false, false, [Int], "s", new TupleTypeName([Int, Int]), "f",
                new TupleLiteral([new Literal(LiteralKind.Integer, "0"), new Literal(LiteralKind.Integer, "0")]))
        },
        { "DROP AGGREGATE a ()", new DropAggregateStatement(new QualifiedName(null, "a"), false, (SyntaxList<TypeName>)[]) },
        { "CREATE TRIGGER x ON t USING 'c'", new CreateTriggerStatement("x", false, T, "c") },
        { "DROP TRIGGER IF EXISTS x ON t", new DropTriggerStatement("x", true, T) },
    };

    public static TheoryData<string, Statement> RoleStatements => new()
    {
        { "CREATE ROLE r", new CreateRoleStatement("r", false, RoleOptions.None) },
        {
            "CREATE ROLE IF NOT EXISTS 'Some One' WITH PASSWORD = 'p' AND SUPERUSER = true AND LOGIN = false AND OPTIONS = {'a': 1} "
                + "AND ACCESS TO DATACENTERS {'x', 'y'}",
            new CreateRoleStatement("Some One", true, new RoleOptions
            {
                Password = "p",
                IsSuperuser = true,
                CanLogin = false,
                Custom = new PropertyMap([new PropertyEntry("a", "1")]),
                Access = new DatacenterAccess(false, ["x", "y"]),
            })
        },
        {
            "ALTER ROLE r WITH HASHED PASSWORD = 'h' AND ACCESS TO ALL DATACENTERS",
            new AlterRoleStatement("r", false, new RoleOptions { HashedPassword = "h", Access = new DatacenterAccess(true, []) })
        },
        {
            "CREATE USER Bob WITH PASSWORD 'p'",
            new CreateRoleStatement("Bob", false, new RoleOptions { Password = "p", CanLogin = true, IsSuperuser = false })
        },
        { "ALTER USER bob SUPERUSER", new AlterRoleStatement("bob", false, new RoleOptions { IsSuperuser = true }) },
        { "DROP ROLE IF EXISTS r", new DropRoleStatement("r", true) },
        { "DROP USER u", new DropRoleStatement("u", false) },
        { "GRANT a TO b", new GrantRoleStatement("a", "b") },
        { "GRANT all TO b", new GrantRoleStatement("all", "b") },
        { "REVOKE a FROM \"B\"", new RevokeRoleStatement("a", "B") },
        { "LIST ROLES", new ListRolesStatement(null, true) },
        { "LIST ROLES OF r NORECURSIVE", new ListRolesStatement("r", false) },
        { "LIST USERS", new ListUsersStatement() },
        { "GRANT ALL ON ALL KEYSPACES TO r", Grant(Enum.GetValues<Permission>(), new AllKeyspacesResource()) },
        { "GRANT SELECT PERMISSION, MODIFY, SELECT ON t TO r", Grant([Permission.Select, Permission.Modify], new TableResource(T)) },
        { "GRANT ALTER ON KEYSPACE ks TO r", Grant([Permission.Alter], new KeyspaceResource("ks")) },
        { "GRANT DROP ON TABLE ks.t TO r", Grant([Permission.Drop], new TableResource(new QualifiedName("ks", "t"))) },
        { "GRANT CREATE ON ALL TABLES IN KEYSPACE ks TO r", Grant([Permission.Create], new AllTablesResource("ks")) },
        { "GRANT AUTHORIZE ON ALL ROLES TO r", Grant([Permission.Authorize], new AllRolesResource()) },
        { "GRANT DESCRIBE ON ROLE x TO r", Grant([Permission.Describe], new RoleResource("x")) },
        { "GRANT SELECT ON role TO r", Grant([Permission.Select], new TableResource(new QualifiedName(null, "role"))) },
        { "GRANT EXECUTE ON ALL FUNCTIONS TO r", Grant([Permission.Execute], new AllFunctionsResource(null)) },
        { "GRANT EXECUTE ON ALL FUNCTIONS IN KEYSPACE ks TO r", Grant([Permission.Execute], new AllFunctionsResource("ks")) },
        {
            "GRANT EXECUTE ON FUNCTION ks.f (int) TO r",
            Grant([Permission.Execute], new FunctionResource(new QualifiedName("ks", "f"), [Int]))
        },
        { "GRANT SELECT ON ALL MBEANS TO r", Grant([Permission.Select], new ManagementBeanResource(null, true)) },
        { "GRANT SELECT ON MBEAN 'x' TO r", Grant([Permission.Select], new ManagementBeanResource("x", false)) },
        {
            "REVOKE ALL PERMISSIONS ON t FROM r",
            new RevokePermissionsStatement([.. Enum.GetValues<Permission>()], new TableResource(T), "r")
        },
        {
            "LIST ALL PERMISSIONS OF r NORECURSIVE",
            new ListPermissionsStatement([.. Enum.GetValues<Permission>()], null, "r", false)
        },
        { "LIST SELECT ON t", new ListPermissionsStatement([Permission.Select], new TableResource(T), null, true) },
    };

    public static TheoryData<string, DescribeTarget, string?, string?> Descriptions => new()
    {
        { "CLUSTER", DescribeTarget.Cluster, null, null },
        { "SCHEMA", DescribeTarget.Schema, null, null },
        { "FULL SCHEMA", DescribeTarget.FullSchema, null, null },
        { "KEYSPACES", DescribeTarget.Keyspaces, null, null },
        { "KEYSPACE", DescribeTarget.Keyspace, null, null },
        { "KEYSPACE ks", DescribeTarget.Keyspace, "ks", null },
        { "ONLY KEYSPACE ks", DescribeTarget.OnlyKeyspace, "ks", null },
        { "TABLES", DescribeTarget.Tables, null, null },
        { "TABLE ks.t", DescribeTarget.Table, "ks", "t" },
        { "TABLE t", DescribeTarget.Table, null, "t" },
        { "INDEX i", DescribeTarget.Index, null, "i" },
        { "MATERIALIZED VIEW ks.v", DescribeTarget.MaterializedView, "ks", "v" },
        { "TYPES", DescribeTarget.Types, null, null },
        { "TYPE u", DescribeTarget.Type, null, "u" },
        { "FUNCTIONS", DescribeTarget.Functions, null, null },
        { "FUNCTION ks.f", DescribeTarget.Function, "ks", "f" },
        { "AGGREGATES", DescribeTarget.Aggregates, null, null },
        { "AGGREGATE a", DescribeTarget.Aggregate, null, "a" },
        { "x", DescribeTarget.Any, null, "x" },
        { "ks.x", DescribeTarget.Any, "ks", "x" },
        { "types.x", DescribeTarget.Any, "types", "x" },
        { "type", DescribeTarget.Any, null, "type" },
        { "\"tables\"", DescribeTarget.Any, null, "tables" },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void A_type_becomes_a_tree(string text, TypeName expected)
    {
        Assert.Equal(expected, CqlParser.ParseType(text));
        Assert.Equal(expected, CqlParser.ParseType(expected.ToString()));
    }

    [Theory]
    [MemberData(nameof(Statements))]
    [MemberData(nameof(RoleStatements))]
    public void A_statement_becomes_a_tree_and_its_text_the_same(string text, Statement expected)
    {
        Assert.Equal(expected, CqlParser.Parse(text));
        Assert.Equal(expected, CqlParser.Parse(CqlText.Of(expected) + ";"));
    }

    [Theory]
    [MemberData(nameof(Descriptions))]
    public void Describe_has_many_forms(string text, DescribeTarget target, string? keyspace, string? name)
    {
        var expected = new DescribeStatement(target, keyspace, name, false);
        Assert.Equal(expected, CqlParser.Parse("DESCRIBE " + text));
        Assert.Equal(expected, CqlParser.Parse("desc " + text));
        Assert.Equal(expected with { WithInternals = true }, CqlParser.Parse($"DESCRIBE {text} WITH INTERNALS"));
        Assert.Equal(expected, CqlParser.Parse(CqlText.Of(expected)));
    }

    [Fact]
    public void Passwords_are_in_the_text_only_for_those_who_want_them()
    {
        var statement = CqlParser.Parse("CREATE ROLE r WITH PASSWORD = 'secret' AND LOGIN = true");
        Assert.Equal("CREATE ROLE r WITH PASSWORD = 'secret' AND LOGIN = true", CqlText.Of(statement));
        Assert.Equal("CREATE ROLE r WITH PASSWORD = '*******' AND LOGIN = true", statement.ToString());
        Assert.DoesNotContain("secret", ((CreateRoleStatement)statement).Options.ToString(), StringComparison.Ordinal);
    }

    private static GrantPermissionsStatement Grant(Permission[] permissions, PermissionResource resource) =>
        new([.. permissions], resource, "r");
}
