using Atoll.Services.Tables.Language;
using Xunit;

namespace Atoll.Services.Tests.Language;

/// <summary>What is written as CQL is parsed to an equal tree, whatever words are names and whatever nests in whatever.</summary>
public sealed class RoundTripTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_tree_becomes_a_text_and_the_text_the_same_tree(ulong part)
    {
        for (var seed = part * 2_500; seed < (part + 1) * 2_500; seed++)
        {
            var tree = new SyntaxGenerator(seed).Statement();
            var text = CqlText.Of(tree);
            try
            {
                var again = CqlParser.Parse(text);
                Assert.True(tree == again, $"seed {seed}: {text}\nagain: {CqlText.Of(again)}");
            }
            catch (CqlSyntaxException error)
            {
                Assert.Fail($"seed {seed}: {error.Message}\n{text}");
            }
        }
    }

    [Theory]
    [InlineData("SELECT a AS \"B\", count(*) FROM ks.t WHERE k = 1 AND c > ? ORDER BY c DESC LIMIT 5 ALLOW FILTERING")]
    [InlineData("SELECT JSON * FROM t WHERE token(a, b) > token(1, 2) AND (c, d) IN ((1, 2), ?) PER PARTITION LIMIT 1")]
    [InlineData("SELECT m['k'], m['a' .. 'z'], writetime(v), CAST(a AS text), a + 1 * 2, - b, (int) c.d FROM t GROUP BY a, f(b)")]
    [InlineData("INSERT INTO t (a, b) VALUES ('it''s', {1: [2, 3]}) IF NOT EXISTS USING TIMESTAMP 5 AND TTL ?")]
    [InlineData("UPDATE t USING TTL 5 SET a = 1, b[0] = 2, c = c + {1}, d = d - 1, e = [1] + e, f.g = 3 WHERE k = :k IF a = 2 AND b IN ?")]
    [InlineData("DELETE a, b['x'] FROM t USING TIMESTAMP 1 WHERE k IN (1, 2) IF EXISTS")]
    [InlineData("BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1); DELETE FROM t WHERE k = 1; APPLY BATCH")]
    [InlineData("CREATE TABLE t (a int, b map<text, frozen<list<int>>> STATIC, PRIMARY KEY ((a), b)) WITH CLUSTERING ORDER BY (b DESC)")]
    [InlineData("CREATE TYPE ks.\"T\" (a tuple<int, text>, b frozen<\"int\">)")]
    [InlineData("GRANT SELECT, MODIFY ON ALL TABLES IN KEYSPACE ks TO \"R\"")]
    public void A_text_in_the_usual_form_stays_as_it_is(string text) => Assert.Equal(text, CqlText.Of(CqlParser.Parse(text)));

    [Theory]
    [InlineData("name", "name")]
    [InlineData("n_1", "n_1")]
    [InlineData("Name", "\"Name\"")]
    [InlineData("1n", "\"1n\"")]
    [InlineData("select", "\"select\"")]
    [InlineData("key", "key")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("", "\"\"")]
    [InlineData("true", "\"true\"")]
    public void A_name_is_quoted_where_it_must_be(string name, string expected) => Assert.Equal(expected, CqlText.Name(name));
}
