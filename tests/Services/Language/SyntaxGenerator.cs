using Atoll.Foundation.Randomness;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tests.Language;

/// <summary>Random trees of the shapes that the parser makes: those of one seed are always the same.</summary>
internal sealed class SyntaxGenerator(ulong seed)
{
    private static readonly string[] Names =
    [
        "a", "b_1", "Capital", "with space", "quo\"te", "select", "key", "json", "distinct", "as", "ttl", "writetime", "count", "cast",
        "token", "int", "text", "date", "map", "list", "set", "frozen", "tuple", "null", "true", "nan", "expr", "type", "values", "p1d",
        "P1D", "1a", "\u00e4", "exists", "contains", "like", "per", "group", "static", "compact", "clustering", "all", "role", "function",
        "from", "e5", "x", "0xab", "default", "unset", "_",
    ];

    private static readonly string[] Types = ["int", "text", "varchar", "timestamp", "uuid", "blob", "counter", "duration"];

    private readonly Prng _random = new(seed);
    private readonly List<BindMarker> _markers = [];

    public Statement Statement()
    {
        _markers.Clear();
        Statement statement = Below(12) switch
        {
            0 or 1 or 2 or 3 => Select(),
            4 => Insert(),
            5 or 6 => Update(),
            7 => Delete(),
            8 => Batch(),
            9 => CreateTable(),
            10 => CreateType(),
            _ => CreateIndex(),
        };
        return statement with { Markers = [.. _markers] };
    }

    private SelectStatement Select()
    {
        // The order of evaluation is that of the text: so are markers numbered.
        var selectors = Below(5) == 0 ? [] : List(1, 3, Selector);
        var where = List(0, 3, Relation);
        return new SelectStatement(Qualified(), selectors, where)
        {
            IsJson = Chance(5),
            IsDistinct = !selectors.IsEmpty && Chance(5),
            GroupBy = Chance(4) ? List(1, 2, () => (Term)new ColumnTerm(Name())) : [],
            OrderBy = Chance(4) ? List(1, 2, () => new Ordering(Name(), Chance(2))) : [],
            PerPartitionLimit = Chance(4) ? IntegerTerm() : null,
            Limit = Chance(4) ? IntegerTerm() : null,
            AllowFiltering = Chance(3),
        };
    }

    private ModificationStatement Insert()
    {
        if (Chance(4))
        {
            Term json = Chance(2) ? Marker() : new Literal(LiteralKind.String, "{\"a\": 'x'}");
            return new InsertJsonStatement(Qualified(), json, Chance(2), Chance(2), Using());
        }

        return new InsertStatement(Qualified(), List(1, 3, Name), List(1, 3, () => Term(3)), Chance(2), Using());
    }

    private UpdateStatement Update()
    {
        var (table, clause) = (Qualified(), Using());
        var columns = new HashSet<string>();
        var assignments = List(1, 4, () =>
        {
            var name = Name();
            while (!columns.Add(name))
            {
                name += "x";
            }

            return Assignment(name);
        });
        var where = List(1, 2, Relation);
        var ifExists = Chance(4);
        return new UpdateStatement(table, clause, assignments, where, ifExists, ifExists ? [] : List(0, 2, Condition));
    }

    private DeleteStatement Delete()
    {
        var targets = List(0, 3, () => Target(Name()));
        var clause = new UsingClause(Chance(2) ? IntegerTerm() : null, null);
        var where = List(1, 2, Relation);
        var ifExists = Chance(4);
        return new DeleteStatement(Qualified(), targets, clause, where, ifExists, ifExists ? [] : List(0, 2, Condition));
    }

    private BatchStatement Batch() => new((BatchKind)Below(3), Using(), List(0, 3, () => Below(3) switch
    {
        0 => Insert(),
        1 => Update(),
        _ => (ModificationStatement)Delete(),
    }));

    private CreateTableStatement CreateTable() => new(
        Qualified(), Chance(2), List(1, 4, () => new ColumnDeclaration(Name(), Type(3), Chance(4))), List(1, 2, Name), List(0, 2, Name))
    {
        ClusteringOrder = List(0, 2, () => new Ordering(Name(), Chance(2))),
        IsCompactStorage = Chance(5),
        Properties = Chance(2) ? [] : [new Property(Name(), new PropertyText(Text())), new Property("zz", Map())],
    };

    private CreateTypeStatement CreateType() => new(Qualified(), Chance(2), List(1, 3, () => new FieldDeclaration(Name(), Type(4))));

    private CreateIndexStatement CreateIndex() => new(
        Chance(2) ? Name() : null, Qualified(), Chance(2), List(0, 2, () => new IndexedColumn((IndexedPart)Below(5), Name())))
    {
        IsCustom = Chance(2),
        ClassName = Chance(2) ? Text() : null,
        Properties = Chance(2) ? [] : [new Property(Name(), Map())],
    };

    private PropertyMap Map() => new([new PropertyEntry(Text(), Text()), new PropertyEntry("other", "1")]);

    private UsingClause Using() => new(Chance(3) ? IntegerTerm() : null, Chance(3) ? IntegerTerm() : null);

    private Assignment Assignment(string name) => Below(5) switch
    {
        0 => new AddAssignment(name, Term(2)),
        1 => new SubtractAssignment(name, Term(2)),
        2 => new PrependAssignment(name, Chance(2) ? Marker() : new ListLiteral(List(0, 2, () => Term(2)))),
        _ => new SetAssignment(Target(name), Term(3)),
    };

    private ColumnTarget Target(string name) => Below(3) switch
    {
        0 => new ColumnElement(name, Term(2)),
        1 => new ColumnField(name, Name()),
        _ => new WholeColumn(name),
    };

    private Condition Condition()
    {
        var target = Target(Name());
        return Chance(3)
            ? new InCondition(target, Values(() => Term(2)))
            : new ComparisonCondition(target, (RelationOperator)Below(target is WholeColumn ? 8 : 6), Term(2));
    }

    private Relation Relation() => Below(8) switch
    {
        0 => new InRelation(Name(), Values(() => Term(2))),
        1 => new NotNullRelation(Name()),
        2 => new ElementRelation(Name(), Term(2), Comparison(), Term(2)),
        3 => new TokenRelation(List(1, 2, Name), Comparison(), Term(2)),
        4 => new TupleRelation(List(1, 2, Name), Comparison(), TupleOrMarker()),
        5 => new TupleInRelation(List(1, 2, Name), Values(TupleOrMarker)),
        _ => new ColumnRelation(Name(), (RelationOperator)Below(9), Term(3)),
    };

    private RelationOperator Comparison() => (RelationOperator)Below(6);

    private Term TupleOrMarker() => Chance(3) ? Marker() : new TupleLiteral(List(1, 3, () => Term(2)));

    private InValues Values(Func<Term> value) => Chance(3) ? new InMarker(Marker()) : new InList(List(0, 3, value));

    private Selector Selector() => new(SelectorTerm(3), Chance(3) ? Name() : null);

    private Term SelectorTerm(int depth) => Below(depth <= 0 ? 3 : 13) switch
    {
        0 or 1 => new ColumnTerm(Name()),
        2 => Leaf(),
        3 => new FieldTerm(new ColumnTerm(Name()), Name()),
        4 => new ElementTerm(new FieldTerm(new ColumnTerm(Name()), Name()), Term(1)),
        5 => new SliceTerm(new ColumnTerm(Name()), Chance(2) ? Term(1) : null, Term(1)),
        6 => Below(3) switch
        {
            0 => new CountRows(),
            1 => new WriteTimeTerm(new ColumnTerm(Name())),
            _ => new TimeToLiveTerm(new ElementTerm(new ColumnTerm(Name()), Term(1))),
        },
        7 => new FunctionCall(Qualified(), List(0, 2, () => SelectorTerm(depth - 1))),
        8 => new Cast(SelectorTerm(depth - 1), new NativeTypeName(Types[Below(Types.Length)])),
        9 => new ListLiteral(List(0, 2, () => SelectorTerm(depth - 1))),
        10 => new SetLiteral(List(0, 2, () => SelectorTerm(depth - 1))),
        11 => new UserTypeLiteral(List(1, 2, () => new FieldValue(Name(), SelectorTerm(depth - 1)))),
        _ => Sum(new ColumnTerm(Name()), SelectorTerm(depth - 1)),
    };

    private Term Term(int depth) => Below(depth <= 0 ? 2 : 12) switch
    {
        0 => Leaf(),
        1 => Marker(),
        2 => new FunctionCall(Qualified(), List(0, 2, () => Term(depth - 1))),
        3 => new Cast(Term(depth - 1), new NativeTypeName(Types[Below(Types.Length)])),
        4 => new TypeHint(Type(2), Leaf()),
        5 => new ListLiteral(List(0, 2, () => Term(depth - 1))),
        6 => new SetLiteral(List(0, 2, () => Term(depth - 1))),
        7 => new MapLiteral(List(1, 2, () => new MapEntry(Term(depth - 1), Term(depth - 1)))),
        8 => new UserTypeLiteral(List(1, 2, () => new FieldValue(Name(), Term(depth - 1)))),
        9 => new TupleLiteral(List(1, 3, () => Term(depth - 1))),
        10 => new Negation(Leaf()),
        _ => Sum(Leaf(), Term(depth - 1)),
    };

    /// <summary>Arithmetic that needs no parentheses, which would be tuples.</summary>
    private Arithmetic Sum(Term left, Term right) =>
        new((ArithmeticOperator)Below(5), left, right is Arithmetic ? new TupleLiteral([right]) : right);

    private Term Leaf() => Below(9) switch
    {
        0 => new Literal(LiteralKind.String, Text()),
        1 => new Literal(LiteralKind.Integer, _random.NextInt(-100, 100).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        2 => new Literal(LiteralKind.Float, new[] { "1.", "-1.5e-7", "NaN", "Infinity", "-Infinity", "0.0" }[Below(6)]),
        3 => new Literal(LiteralKind.Boolean, Chance(2) ? "true" : "false"),
        4 => new Literal(LiteralKind.Uuid, "123e4567-e89b-12d3-a456-42665544000" + Below(10)),
        5 => new Literal(LiteralKind.Blob, new[] { "0x", "0xCafe" }[Below(2)]),
        6 => new Literal(LiteralKind.Duration, new[] { "1h30m", "-P1Y", "PT5M", "-2mo3us", "P2W" }[Below(5)]),
        _ => Literal.Null,
    };

    private Term IntegerTerm() => Chance(2) ? Marker() : new Literal(LiteralKind.Integer, "7");

    private BindMarker Marker()
    {
        var marker = new BindMarker(_markers.Count, Chance(2) ? Name() : null);
        _markers.Add(marker);
        return marker;
    }

    private TypeName Type(int depth) => Below(depth <= 0 ? 2 : 8) switch
    {
        0 or 1 => new NativeTypeName(Types[Below(Types.Length)]),
        2 => new ListTypeName(Type(depth - 1)),
        3 => new SetTypeName(Type(depth - 1)),
        4 => new MapTypeName(Type(depth - 1), Type(depth - 1)),
        5 => new TupleTypeName(List(1, 3, () => Type(depth - 1))),
        6 => new FrozenTypeName(Type(depth - 1)),
        _ => new UserTypeName(Qualified()),
    };

    private QualifiedName Qualified() => new(Chance(2) ? Name() : null, Name());

    private string Name() => Names[Below(Names.Length)];

    private string Text() => new[] { "", "it's", "$$", "\u00e4\n", "-- no comment", "x" }[Below(6)];

    private SyntaxList<T> List<T>(int least, int most, Func<T> item)
    {
        var items = new List<T>();
        for (var count = _random.NextInt(least, most); count > 0; count--)
        {
            items.Add(item());
        }

        return [.. items];
    }

    private bool Chance(int oneIn) => Below(oneIn) == 0;

    private int Below(int bound) => bound <= 1 ? 0 : (int)_random.NextBelow((ulong)bound);
}
