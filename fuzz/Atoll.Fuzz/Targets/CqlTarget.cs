using System.Text;
using Atoll.Services.Tables.Language;

namespace Atoll.Fuzz.Targets;

/// <summary>CQL, as any client may send it.</summary>
public sealed class CqlTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "cql";

    /// <inheritdoc />
    public string About => "CqlParser: a syntax error with its place, or a tree whose text is parsed to an equal tree";

    /// <inheritdoc />
    public AllocationBound Allocation => new(2 * 1024, 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [.. ((string[])
    [
        "SELECT a, b AS \"B\", m['k'], m[1..2], count(*), ttl(c.d), CAST(e AS text), f(g) + 1 * -h FROM ks.t",
        "SELECT JSON DISTINCT * FROM t WHERE k IN (1, ?) AND (c, d) > (:x, 2) AND token(k) <= -5 AND s CONTAINS KEY 'it''s' "
            + "GROUP BY k ORDER BY c DESC PER PARTITION LIMIT 1 LIMIT ? ALLOW FILTERING;",
        "INSERT INTO t (a, b, c) VALUES ({1: [2, 3]}, {x: (int) null, y: $$z$$}, 123e4567-e89b-12d3-a456-426655440000) IF NOT EXISTS "
            + "USING TTL 60 AND TIMESTAMP ?",
        "INSERT INTO t JSON '{}' DEFAULT UNSET",
        "UPDATE t USING TTL ? SET a = a + 1, b[0] = 0xCAFE, c.f = -1.5e-7, d = [1] + d, e -= {1h30m, P1Y2M} WHERE k = 1 "
            + "IF a = 2 AND b IN ?",
        "DELETE a, b['x'] FROM t USING TIMESTAMP 1 WHERE k = NaN IF EXISTS",
        "BEGIN UNLOGGED BATCH INSERT INTO t (a) VALUES (1); DELETE FROM t WHERE k = 1 APPLY BATCH",
        "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND x = true",
        "CREATE TABLE t (a int, b map<text, frozen<list<int>>> STATIC, PRIMARY KEY ((a, b), c)) WITH CLUSTERING ORDER BY (c DESC)",
        "ALTER TABLE t ADD (a int, b tuple<int, ks.u>)",
        "CREATE TYPE u (a int, \"B\" 'org.example.T')",
        "CREATE CUSTOM INDEX i ON t (KEYS(m)) USING 'c' WITH OPTIONS = {'a': 'b'}",
        "CREATE OR REPLACE FUNCTION f (a int) CALLED ON NULL INPUT RETURNS text LANGUAGE java AS $$return 1;$$",
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL PRIMARY KEY (b, a)",
        "CREATE ROLE r WITH PASSWORD = 'p' AND LOGIN = true AND OPTIONS = {'a': 1} AND ACCESS TO DATACENTERS {'x'}",
        "GRANT SELECT, MODIFY ON ALL TABLES IN KEYSPACE ks TO r",
        "LIST ALL PERMISSIONS ON FUNCTION f (int) OF r NORECURSIVE",
        "DESCRIBE ONLY KEYSPACE ks WITH INTERNALS",
        "USE \"Ks\" -- done",
    ]).Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        .. CqlKeywords.Reserved.Order(StringComparer.Ordinal), .. CqlKeywords.NativeTypes.Order(StringComparer.Ordinal),
        "json", "distinct", "as", "key", "ttl", "writetime", "count", "cast", "frozen<", "list<", "map<", "tuple<", "exists", "contains",
        "expr(", "(", ")", "[", "]", "{", "}", "<", ">", "<=", ">=", "!=", "=", "+=", "-=", "+", "-", "*", "/", "%", ",", ".", "..", ":",
        ";", "?", "'", "''", "\"", "$$", "--", "//", "/*", "*/", "0x", "1e", "1h", "P", "PT", "-", "\u00b5s", "\ud83d\ude00", "\0",
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        try
        {
            var tree = CqlParser.Parse(Encoding.UTF8.GetString(input.Span));
            var text = CqlText.Of(tree);
            var again = CqlParser.Parse(text);
            BrokenPromiseException.Unless(again == tree, "a tree's text is parsed to an equal tree");
            BrokenPromiseException.Unless(CqlText.Of(again) == text, "equal trees have the same text");
            return Verdict.Accepted(tree.GetType().Name);
        }
        catch (CqlSyntaxException refused)
        {
            BrokenPromiseException.Unless(refused is { Line: > 0, Column: >= 0 }, "a syntax error has a place");
            return Verdict.RefusedFor(refused.Message[(refused.Message.IndexOf(' ', "line ".Length) + 1)..]);
        }
    }
}
