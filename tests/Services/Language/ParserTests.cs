using Atoll.Services.Tables;
using Atoll.Services.Tables.Language;
using Atoll.Services.Tables.Language.Syntax;
using Xunit;

namespace Atoll.Services.Tests.Language;

/// <summary>Statements about rows and the trees that they become.</summary>
public sealed class ParserTests
{
    private static readonly QualifiedName T = new(null, "t");

    public static TheoryData<string, Term> Literals => new()
    {
        { "'it''s'", new Literal(LiteralKind.String, "it's") },
        { "''", new Literal(LiteralKind.String, "") },
        { "$$it's $ a 'string'$$", new Literal(LiteralKind.String, "it's $ a 'string'") },
        { "$$$$", new Literal(LiteralKind.String, "") },
        { "0", new Literal(LiteralKind.Integer, "0") },
        { "-17", new Literal(LiteralKind.Integer, "-17") },
        { "170141183460469231731687303715884105727", new Literal(LiteralKind.Integer, "170141183460469231731687303715884105727") },
        { "1.5", new Literal(LiteralKind.Float, "1.5") },
        { "-1.", new Literal(LiteralKind.Float, "-1.") },
        { "1e10", new Literal(LiteralKind.Float, "1e10") },
        { "1.5E-3", new Literal(LiteralKind.Float, "1.5E-3") },
        { "nan", new Literal(LiteralKind.Float, "NaN") },
        { "-NaN", new Literal(LiteralKind.Float, "NaN") },
        { "INFINITY", new Literal(LiteralKind.Float, "Infinity") },
        { "-Infinity", new Literal(LiteralKind.Float, "-Infinity") },
        { "TRUE", new Literal(LiteralKind.Boolean, "true") },
        { "False", new Literal(LiteralKind.Boolean, "false") },
        { "null", Literal.Null },
        { "123e4567-e89b-12d3-a456-426655440000", new Literal(LiteralKind.Uuid, "123e4567-e89b-12d3-a456-426655440000") },
        { "abcdefab-cdef-abcd-efab-cdefabcdefab", new Literal(LiteralKind.Uuid, "abcdefab-cdef-abcd-efab-cdefabcdefab") },
        { "0xCAFE", new Literal(LiteralKind.Blob, "0xCAFE") },
        { "0x", new Literal(LiteralKind.Blob, "0x") },
        { "1h30m", new Literal(LiteralKind.Duration, "1h30m") },
        { "-1y2mo3w4d5h6m7s8ms9us10ns", new Literal(LiteralKind.Duration, "-1y2mo3w4d5h6m7s8ms9us10ns") },
        { "3\u00b5s", new Literal(LiteralKind.Duration, "3\u00b5s") },
        { "P1Y2M3DT4H5M6S", new Literal(LiteralKind.Duration, "P1Y2M3DT4H5M6S") },
        { "-PT5M", new Literal(LiteralKind.Duration, "-PT5M") },
        { "P2W", new Literal(LiteralKind.Duration, "P2W") },
        { "P0001-02-03T04:05:06", new Literal(LiteralKind.Duration, "P0001-02-03T04:05:06") },
        { "?", new BindMarker(0, null) },
        { ":Name", new BindMarker(0, "name") },
        { ": \"Name\"", new BindMarker(0, "Name") },
        { "[]", new ListLiteral([]) },
        { "[1, ?]", new ListLiteral([Number("1"), new BindMarker(0, null)]) },
        { "{}", new SetLiteral([]) },
        { "{1, 2}", new SetLiteral([Number("1"), Number("2")]) },
        { "{'a': 1}", new MapLiteral([new MapEntry(Text("a"), Number("1"))]) },
        { "{a: 1, \"B\": ?}", new UserTypeLiteral([new FieldValue("a", Number("1")), new FieldValue("B", new BindMarker(0, null))]) },
        { "{a::b}", new UserTypeLiteral([new FieldValue("a", new BindMarker(0, "b"))]) },
        { "(1, 'a')", new TupleLiteral([Number("1"), Text("a")]) },
        { "(1)", new TupleLiteral([Number("1")]) },
        { "now()", new FunctionCall(new QualifiedName(null, "now"), []) },
        { "ks.\"F\"(1)", new FunctionCall(new QualifiedName("ks", "F"), [Number("1")]) },
        { "token(1, 2)", new FunctionCall(new QualifiedName(null, "token"), [Number("1"), Number("2")]) },
        { "blobAsInt(0x00)", new FunctionCall(new QualifiedName(null, "blobasint"), [new Literal(LiteralKind.Blob, "0x00")]) },
        { "CAST(1 AS text)", new Cast(Number("1"), new NativeTypeName("text")) },
        { "(int) ?", new TypeHint(new NativeTypeName("int"), new BindMarker(0, null)) },
        { "(list<int>)[]", new TypeHint(new ListTypeName(new NativeTypeName("int")), new ListLiteral([])) },
        { "(ks.t) (1)", new TypeHint(new UserTypeName(new QualifiedName("ks", "t")), new TupleLiteral([Number("1")])) },
        { "1 + 2", new Arithmetic(ArithmeticOperator.Add, Number("1"), Number("2")) },
        { "1 -2", new Arithmetic(ArithmeticOperator.Subtract, Number("1"), Number("2")) },
        { "1-2", new Arithmetic(ArithmeticOperator.Subtract, Number("1"), Number("2")) },
        { "1 - -2", new Arithmetic(ArithmeticOperator.Subtract, Number("1"), Number("-2")) },
        { "- ?", new Negation(new BindMarker(0, null)) },
        {
            "1 + 2 * 3",
            new Arithmetic(ArithmeticOperator.Add, Number("1"), new Arithmetic(ArithmeticOperator.Multiply, Number("2"), Number("3")))
        },
        {
            "8 / 4 % 2",
            new Arithmetic(ArithmeticOperator.Modulo, new Arithmetic(ArithmeticOperator.Divide, Number("8"), Number("4")), Number("2"))
        },
    };

    public static TheoryData<string, Term> SelectorTerms => new()
    {
        { "a", Column("a") },
        { "\"A b\"", Column("A b") },
        { "key", Column("key") },
        { "json", Column("json") },
        { "distinct", Column("distinct") },
        { "timestamp", Column("timestamp") },
        { "a.b.c", new FieldTerm(new FieldTerm(Column("a"), "b"), "c") },
        { "a['k']", new ElementTerm(Column("a"), Text("k")) },
        { "a[1..5]", new SliceTerm(Column("a"), Number("1"), Number("5")) },
        { "a[1...5]", new SliceTerm(Column("a"), new Literal(LiteralKind.Float, "1."), Number("5")) },
        { "a[..5]", new SliceTerm(Column("a"), null, Number("5")) },
        { "a[1..]", new SliceTerm(Column("a"), Number("1"), null) },
        { "count(*)", new CountRows() },
        { "COUNT(1)", new CountRows() },
        { "count(a)", new FunctionCall(new QualifiedName(null, "count"), [Column("a")]) },
        { "count(1 + 1)", new FunctionCall(
            new QualifiedName(null, "count"), [new Arithmetic(ArithmeticOperator.Add, Number("1"), Number("1"))]) },
        { "writetime(a)", new WriteTimeTerm(Column("a")) },
        { "TTL(a['k'])", new TimeToLiveTerm(new ElementTerm(Column("a"), Text("k"))) },
        { "ttl", Column("ttl") },
        { "cast(a AS double)", new Cast(Column("a"), new NativeTypeName("double")) },
        { "ks.f(a).b", new FieldTerm(new FunctionCall(new QualifiedName("ks", "f"), [Column("a")]), "b") },
        { "(a, 1)", new TupleLiteral([Column("a"), Number("1")]) },
        { "(a)", new TupleLiteral([Column("a")]) },
        { "(int) a", new TypeHint(new NativeTypeName("int"), Column("a")) },
        { "(date)", new TupleLiteral([Column("date")]) },
        { "[a, b]", new ListLiteral([Column("a"), Column("b")]) },
        { "{a, b}", new SetLiteral([Column("a"), Column("b")]) },
        { "{a: b}", new UserTypeLiteral([new FieldValue("a", Column("b"))]) },
        { "{a: 1, 'b': 2}", new MapLiteral([new MapEntry(Column("a"), Number("1")), new MapEntry(Text("b"), Number("2"))]) },
        { "a-1", new Arithmetic(ArithmeticOperator.Subtract, Column("a"), Number("1")) },
        { "-a", new Negation(Column("a")) },
        { "a*-b", new Arithmetic(ArithmeticOperator.Multiply, Column("a"), new Negation(Column("b"))) },
    };

    [Theory]
    [MemberData(nameof(Literals))]
    public void A_term_becomes_a_tree(string text, Term expected)
    {
        Assert.Equal(expected, CqlParser.ParseTerm(text));
        var insert = Assert.IsType<InsertStatement>(CqlParser.Parse($"INSERT INTO t (a) VALUES ({text})"));
        Assert.Equal(expected, Assert.Single(insert.Values));
    }

    [Theory]
    [MemberData(nameof(SelectorTerms))]
    public void A_selector_becomes_a_tree(string text, Term expected)
    {
        var select = Assert.IsType<SelectStatement>(CqlParser.Parse($"SELECT {text} FROM t"));
        Assert.Equal(new Selector(expected, null), Assert.Single(select.Selectors));
        select = Assert.IsType<SelectStatement>(CqlParser.Parse($"SELECT {text} AS \"X\", b FROM t"));
        Assert.Equal([new Selector(expected, "X"), new Selector(Column("b"), null)], select.Selectors);
        Assert.False(select.IsJson || select.IsDistinct);
    }

    [Fact]
    public void Select_takes_every_clause_in_order()
    {
        var select = CqlParser.Parse("""
            SELECT JSON DISTINCT a, max(b) AS m FROM "Ks".t WHERE a = ? AND b IN (1, :x) AND c IN ?
                GROUP BY a, floor(b) ORDER BY c DESC, d PER PARTITION LIMIT 2 LIMIT :l ALLOW FILTERING;
            """);
        Assert.Equal(
            new SelectStatement(
                new QualifiedName("Ks", "t"),
                [
                    new Selector(Column("a"), null),
                    new Selector(new FunctionCall(new QualifiedName(null, "max"), [Column("b")]), "m"),
                ],
                [
                    new ColumnRelation("a", RelationOperator.Equal, new BindMarker(0, null)),
                    new InRelation("b", new InList([Number("1"), new BindMarker(1, "x")])),
                    new InRelation("c", new InMarker(new BindMarker(2, null))),
                ])
            {
                IsJson = true,
                IsDistinct = true,
                GroupBy = [Column("a"), new FunctionCall(new QualifiedName(null, "floor"), [Column("b")])],
                OrderBy = [new Ordering("c", true), new Ordering("d", false)],
                PerPartitionLimit = Number("2"),
                Limit = new BindMarker(3, "l"),
                AllowFiltering = true,
                Markers = [new BindMarker(0, null), new BindMarker(1, "x"), new BindMarker(2, null), new BindMarker(3, "l")],
            },
            select);
    }

    public static TheoryData<string, Relation> Relations => new()
    {
        { "a = 1", new ColumnRelation("a", RelationOperator.Equal, Number("1")) },
        { "a<1", new ColumnRelation("a", RelationOperator.Less, Number("1")) },
        { "a <= -1", new ColumnRelation("a", RelationOperator.LessOrEqual, Number("-1")) },
        { "a > 1", new ColumnRelation("a", RelationOperator.Greater, Number("1")) },
        { "a>=1", new ColumnRelation("a", RelationOperator.GreaterOrEqual, Number("1")) },
        { "a != 1", new ColumnRelation("a", RelationOperator.NotEqual, Number("1")) },
        { "a CONTAINS 'x'", new ColumnRelation("a", RelationOperator.Contains, Text("x")) },
        { "a CONTAINS KEY 'x'", new ColumnRelation("a", RelationOperator.ContainsKey, Text("x")) },
        { "a LIKE 'x%'", new ColumnRelation("a", RelationOperator.Like, Text("x%")) },
        { "a IS NOT NULL", new NotNullRelation("a") },
        { "a IN ()", new InRelation("a", new InList([])) },
        { "(a = 1)", new ColumnRelation("a", RelationOperator.Equal, Number("1")) },
        { "\"\" = 1", new ColumnRelation("", RelationOperator.Equal, Number("1")) },
        { "a['k'] = 1", new ElementRelation("a", Text("k"), RelationOperator.Equal, Number("1")) },
        {
            "token(a, b) > token(1, 2)",
            new TokenRelation(
                ["a", "b"], RelationOperator.Greater,
                new FunctionCall(new QualifiedName(null, "token"), [Number("1"), Number("2")]))
        },
        { "token(a) <= -9223372036854775808", new TokenRelation(["a"], RelationOperator.LessOrEqual, Number("-9223372036854775808")) },
        {
            "(a, b) >= (1, 2)",
            new TupleRelation(["a", "b"], RelationOperator.GreaterOrEqual, new TupleLiteral([Number("1"), Number("2")]))
        },
        { "(a) = ?", new TupleRelation(["a"], RelationOperator.Equal, new BindMarker(0, null)) },
        { "((a, b) < ?)", new TupleRelation(["a", "b"], RelationOperator.Less, new BindMarker(0, null)) },
        { "(a, b) IN ()", new TupleInRelation(["a", "b"], new InList([])) },
        { "(a, b) IN :x", new TupleInRelation(["a", "b"], new InMarker(new BindMarker(0, "x"))) },
        { "(a, b) IN ((1, 2), ?)", new TupleInRelation(
            ["a", "b"], new InList([new TupleLiteral([Number("1"), Number("2")]), new BindMarker(0, null)])) },
        { "expr(i, 'q')", new IndexExpressionRelation(new QualifiedName(null, "i"), Text("q")) },
        { "expr = 1", new ColumnRelation("expr", RelationOperator.Equal, Number("1")) },
    };

    [Theory]
    [MemberData(nameof(Relations))]
    public void A_relation_becomes_a_tree(string text, Relation expected)
    {
        var select = Assert.IsType<SelectStatement>(CqlParser.Parse($"select * from t where {text} and z = 0"));
        Assert.Empty(select.Selectors);
        Assert.Equal([expected, new ColumnRelation("z", RelationOperator.Equal, Number("0"))], select.Where);
    }

    [Fact]
    public void Insert_has_columns_values_a_condition_and_attributes() => Assert.Equal(
        new InsertStatement(
            T, ["a", "B"], [Number("1"), Literal.Null], true, new UsingClause(new BindMarker(0, null), Number("60")))
        {
            Markers = [new BindMarker(0, null)],
        },
        CqlParser.Parse("INSERT INTO t (a, \"B\") VALUES (1, null) IF NOT EXISTS USING TTL 60 AND TIMESTAMP ?"));

    [Theory]
    [InlineData("INSERT INTO t JSON '{}'", false, false)]
    [InlineData("INSERT INTO t JSON '{}' DEFAULT NULL IF NOT EXISTS", false, true)]
    [InlineData("INSERT INTO t JSON '{}' DEFAULT UNSET", true, false)]
    public void Insert_takes_json(string text, bool isDefaultUnset, bool ifNotExists) =>
        Assert.Equal(new InsertJsonStatement(T, Text("{}"), isDefaultUnset, ifNotExists, UsingClause.None), CqlParser.Parse(text));

    public static TheoryData<string, Assignment> Assignments => new()
    {
        { "a = 1", new SetAssignment(new WholeColumn("a"), Number("1")) },
        { "a[?] = 1", new SetAssignment(new ColumnElement("a", new BindMarker(0, null)), Number("1")) },
        { "a.f = 1", new SetAssignment(new ColumnField("a", "f"), Number("1")) },
        { "a = a + 1", new AddAssignment("a", Number("1")) },
        { "a += [1]", new AddAssignment("a", new ListLiteral([Number("1")])) },
        { "a = a - {1}", new SubtractAssignment("a", new SetLiteral([Number("1")])) },
        { "a = a -1", new SubtractAssignment("a", Number("1")) },
        { "a=a-1", new SubtractAssignment("a", Number("1")) },
        { "a -= 1", new SubtractAssignment("a", Number("1")) },
        { "a = [1] + a", new PrependAssignment("a", new ListLiteral([Number("1")])) },
        { "a = ? + a", new PrependAssignment("a", new BindMarker(0, null)) },
        { "a = f(1) + g(2)", new SetAssignment(
            new WholeColumn("a"),
            new Arithmetic(
                ArithmeticOperator.Add,
                new FunctionCall(new QualifiedName(null, "f"), [Number("1")]),
                new FunctionCall(new QualifiedName(null, "g"), [Number("2")]))) },
        { "a = cast(1 as text)", new SetAssignment(new WholeColumn("a"), new Cast(Number("1"), new NativeTypeName("text"))) },
    };

    [Theory]
    [MemberData(nameof(Assignments))]
    public void An_assignment_becomes_a_tree(string text, Assignment expected)
    {
        var update = Assert.IsType<UpdateStatement>(CqlParser.Parse($"UPDATE t SET {text}, z = 0 WHERE k = 1"));
        Assert.Equal([expected, new SetAssignment(new WholeColumn("z"), Number("0"))], update.Assignments);
    }

    [Fact]
    public void Update_has_attributes_and_conditions()
    {
        var update = Assert.IsType<UpdateStatement>(CqlParser.Parse(
            "UPDATE t USING TIMESTAMP 5 SET a = 1 WHERE k = 1 IF a IN (1, 2) AND b['k'] != ? AND c.f > 3 AND d CONTAINS KEY 1 AND e IN ?"));
        Assert.Equal(new UsingClause(Number("5"), null), update.Using);
        Assert.False(update.IfExists);
        Assert.Equal(
            [
                new InCondition(new WholeColumn("a"), new InList([Number("1"), Number("2")])),
                new ComparisonCondition(new ColumnElement("b", Text("k")), RelationOperator.NotEqual, new BindMarker(0, null)),
                new ComparisonCondition(new ColumnField("c", "f"), RelationOperator.Greater, Number("3")),
                new ComparisonCondition(new WholeColumn("d"), RelationOperator.ContainsKey, Number("1")),
                new InCondition(new WholeColumn("e"), new InMarker(new BindMarker(1, null))),
            ],
            update.Conditions);
        Assert.True(Assert.IsType<UpdateStatement>(CqlParser.Parse("UPDATE t SET a = 1 WHERE k = 1 IF EXISTS")).IfExists);
        update = Assert.IsType<UpdateStatement>(CqlParser.Parse("UPDATE t SET a = 1 WHERE k = 1 IF exists = 2"));
        Assert.False(update.IfExists);
        Assert.Single(update.Conditions);
    }

    [Fact]
    public void Delete_deletes_rows_or_parts_of_them()
    {
        var delete = Assert.IsType<DeleteStatement>(CqlParser.Parse("DELETE a, b[1], c.f FROM t USING TIMESTAMP 1 WHERE k = 1 IF EXISTS"));
        Assert.Equal([new WholeColumn("a"), new ColumnElement("b", Number("1")), new ColumnField("c", "f")], delete.Targets);
        Assert.Equal(new UsingClause(Number("1"), null), delete.Using);
        Assert.True(delete.IfExists);
        Assert.Empty(Assert.IsType<DeleteStatement>(CqlParser.Parse("DELETE FROM t WHERE k = 1")).Targets);
    }

    [Fact]
    public void Batch_numbers_the_markers_of_all_its_statements()
    {
        var batch = Assert.IsType<BatchStatement>(CqlParser.Parse("""
            BEGIN UNLOGGED BATCH USING TIMESTAMP ?
                INSERT INTO t (a) VALUES (?);
                UPDATE t SET a = :x WHERE k = 1
                DELETE FROM t WHERE k = ?;
            APPLY BATCH;
            """));
        Assert.Equal(BatchKind.Unlogged, batch.Kind);
        Assert.Equal([(0, null), (1, null), (2, "x"), (3, null)], batch.Markers.Select(marker => (marker.Index, marker.Name)));
        Assert.Equal(3, batch.Statements.Count);
        Assert.All(batch.Statements, statement => Assert.Empty(statement.Markers));
        Assert.Empty(Assert.IsType<BatchStatement>(CqlParser.Parse("BEGIN COUNTER BATCH APPLY BATCH")).Statements);
    }

    [Theory]
    [InlineData("SELECT JSON * FROM t", true, false, 0)]
    [InlineData("SELECT json FROM t", false, false, 1)]
    [InlineData("SELECT json, a FROM t", false, false, 2)]
    [InlineData("SELECT json AS j FROM t", false, false, 1)]
    [InlineData("SELECT json json FROM t", true, false, 1)]
    [InlineData("SELECT json distinct FROM t", true, false, 1)]
    [InlineData("SELECT DISTINCT a FROM t", false, true, 1)]
    [InlineData("SELECT distinct FROM t", false, false, 1)]
    [InlineData("SELECT json distinct distinct FROM t", true, true, 1)]
    [InlineData("SELECT as FROM t", false, false, 1)]
    [InlineData("SELECT json * 2 FROM t", false, false, 1)]
    public void Json_and_distinct_are_keywords_only_before_selectors(string text, bool isJson, bool isDistinct, int selectors)
    {
        var select = Assert.IsType<SelectStatement>(CqlParser.Parse(text));
        Assert.Equal((isJson, isDistinct, selectors), (select.IsJson, select.IsDistinct, select.Selectors.Count));
    }

    [Theory]
    [InlineData("SELECT a -- the rest\nFROM t")]
    [InlineData("SELECT a // the rest\r\nFROM t")]
    [InlineData("SELECT/* a\n comment */a /**/ FROM t ;; ;")]
    [InlineData("-- first\nSELECT a FROM t -- last")]
    [InlineData("sElEcT\tA\nfRoM\rT")]
    public void Blanks_comments_case_and_semicolons_do_not_matter(string text) =>
        Assert.Equal(CqlParser.Parse("SELECT a FROM t"), CqlParser.Parse(text));

    [Fact]
    public void The_same_marker_name_twice_is_two_values() =>
        Assert.Equal(["a", "a"], CqlParser.Parse("SELECT * FROM t WHERE a = :a AND b = :a").Markers.Select(marker => marker.Name));

    private static Literal Number(string text) => new(LiteralKind.Integer, text);

    private static Literal Text(string text) => new(LiteralKind.String, text);

    private static ColumnTerm Column(string name) => new(name);
}
