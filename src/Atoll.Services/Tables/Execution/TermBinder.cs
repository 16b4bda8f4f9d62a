using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Gives terms their types, by where they stand: everything that CQL checks before it has values.</summary>
/// <param name="keyspace">The statement's keyspace, for user types.</param>
/// <param name="table">The statement's table.</param>
/// <param name="functions">The functions.</param>
/// <param name="markers">The statement's markers.</param>
internal sealed class TermBinder(KeyspaceDefinition keyspace, TableDefinition table, IFunctionRegistry functions, Markers markers)
{
    public TableDefinition Table { get; } = table;

    public KeyspaceDefinition Keyspace { get; } = keyspace;

    public IFunctionRegistry Functions { get; } = functions;

    public Markers Markers { get; } = markers;

    /// <summary>A term where a value of a type is wanted.</summary>
    /// <param name="term">The term.</param>
    /// <param name="type">The type that is wanted.</param>
    /// <param name="name">What it is for: a column, or words such as "value(m)"; the name of markers, and part of errors.</param>
    public BoundTerm Bind(Term term, CqlType type, string name)
    {
        switch (term)
        {
            case Literal { IsNull: true }:
                return new ConstantTerm(type, CqlValue.Null);
            case Literal literal:
                return new ConstantTerm(type, CqlValue.Of(OfLiteral(literal, type, name)));
            case BindMarker marker:
                Markers.Set(marker, Table, name, type);
                return new MarkerTerm(type, marker.Index);
            case ListLiteral list:
                return type is ListType listType
                    ? Collection(type, list.Elements.Select(element => Bind(element, listType.Element, $"value({name})")))
                    : throw CqlException.Invalid($"Invalid list literal for {name} of type {type}");
            case SetLiteral { Elements.IsEmpty: true } when type is MapType:
                return Collection(type, []);
            case SetLiteral set:
                return type is SetType setType
                    ? Collection(type, set.Elements.Select(element => Bind(element, setType.Element, $"value({name})")))
                    : throw CqlException.Invalid($"Invalid set literal for {name} of type {type}");
            case MapLiteral map:
                return type is MapType mapType
                    ? Collection(type, map.Entries.SelectMany(entry => new[]
                    {
                        Bind(entry.Key, mapType.Key, $"key({name})"), Bind(entry.Value, mapType.Value, $"value({name})"),
                    }))
                    : throw CqlException.Invalid($"Invalid map literal for {name} of type {type}");
            case UserTypeLiteral user:
                return UserTypeValue(user, type, name);
            case TupleLiteral tuple:
                return TupleValue(tuple, type, name);
            case TypeHint hint:
                var hinted = TypeResolver.Resolve(hint.Type, Keyspace);
                return IsAssignable(hinted, type)
                    ? Bind(hint.Value, hinted.Freeze(), name)
                    : throw CqlException.Invalid($"Cannot assign value {hint} to {name} of type {type}");
            default:
                var bound = BindFree(term, type);
                return IsAssignable(bound.Type, type)
                    ? bound
                    : throw CqlException.Invalid(
                        $"Type error: cannot assign result of function {Described(term)} (type {bound.Type}) to {name} (type {type})");
        }
    }

    /// <summary>A term whose type follows from what it is: functions, casts, arithmetic; and literals, by how they look.</summary>
    public BoundTerm BindFree(Term term, CqlType? expected)
    {
        switch (term)
        {
            case FunctionCall { Name: { Keyspace: null or "system", Name: "token" } } token:
                if (token.Arguments.Count != Table.PartitionKey.Length)
                {
                    throw CqlException.Invalid(
                        $"Invalid number of arguments in call to function token: {Table.PartitionKey.Length} required but "
                        + $"{token.Arguments.Count} provided");
                }

                return new TokenTerm([.. token.Arguments.Select((argument, index) =>
                    Bind(argument, Table.PartitionKey[index].Type, $"arg{index}(token)"))]);
            case FunctionCall call:
                var types = call.Arguments.Select(TypeOf).ToArray();
                var function = Functions.FindFunction(call.Name, types, expected, Table)
                    ?? throw CqlException.Invalid($"Unknown function '{call.Name}'");
                return new FunctionTerm(function, BindArguments(call.Arguments, function));
            case Cast cast:
                var value = BindFree(cast.Value, null);
                CqlTypes.TryGet(cast.Type.Name, out var target);
                return new FunctionTerm(Functions.FindCast(value.Type, target ?? CqlTypes.Text), [value]);
            case TypeHint hint:
                return Bind(hint.Value, TypeResolver.Resolve(hint.Type, Keyspace).Freeze(), hint.ToString());
            case Arithmetic arithmetic:
                var operation = Functions.FindOperator(
                    arithmetic.Operator, TypeOf(arithmetic.Left), TypeOf(arithmetic.Right), expected);
                return new FunctionTerm(operation, BindArguments([arithmetic.Left, arithmetic.Right], operation));
            case Negation negation:
                var operand = BindFree(negation.Operand, expected);
                return new FunctionTerm(Functions.FindNegation(operand.Type), [operand]);
            case Literal literal when (expected ?? NaturalType(literal)) is { } natural:
                return Bind(literal, natural, literal.ToString());
            default:
                return expected is null || term is ColumnTerm or FieldTerm or ElementTerm or SliceTerm
                    ? throw CqlException.Invalid($"Cannot infer type for term {term} (try using a cast to force a type)")
                    : Bind(term, expected, term.ToString());
        }
    }

    /// <summary>A term's type as far as it is known without a place.</summary>
    public CqlType? TypeOf(Term term) => term switch
    {
        TypeHint hint => TypeResolver.Resolve(hint.Type, Keyspace),
        Cast cast => CqlTypes.TryGet(cast.Type.Name, out var type) ? type : null,
        FunctionCall { Name: { Keyspace: null or "system", Name: "token" } } => CqlTypes.Bigint,
        FunctionCall call => Functions.FindFunction(call.Name, [.. call.Arguments.Select(TypeOf)], null, Table)?.ReturnType,
        Arithmetic arithmetic => Functions.FindOperator(
            arithmetic.Operator, TypeOf(arithmetic.Left), TypeOf(arithmetic.Right), null).ReturnType,
        Negation negation => TypeOf(negation.Operand),
        _ => null,
    };

    /// <summary>Whether a value of one type may stand where another is wanted, as it is.</summary>
    public static bool IsAssignable(CqlType from, CqlType to) =>
        from.Freeze().Equals(to.Freeze())
        || (from.Code, to.Code) is (_, CqlTypeCode.Blob) or (CqlTypeCode.Ascii, CqlTypeCode.Varchar)
            or (CqlTypeCode.Timeuuid, CqlTypeCode.Uuid) or (CqlTypeCode.Counter, CqlTypeCode.Bigint)
            or (CqlTypeCode.Bigint, CqlTypeCode.Counter or CqlTypeCode.Varint or CqlTypeCode.Timestamp)
            or (CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Tinyint, CqlTypeCode.Varint)
            or (CqlTypeCode.Timestamp, CqlTypeCode.Bigint);

    /// <summary>The value of a literal as a type.</summary>
    /// <exception cref="CqlException">A literal of its kind is no value of the type, or its text is none.</exception>
    public static ReadOnlyMemory<byte> OfLiteral(Literal literal, CqlType type, string name)
    {
        var fits = type is NativeType && literal.Kind switch
        {
            LiteralKind.String => type.Code is CqlTypeCode.Ascii or CqlTypeCode.Varchar or CqlTypeCode.Inet or CqlTypeCode.Date
                or CqlTypeCode.Time or CqlTypeCode.Timestamp,
            LiteralKind.Integer => type.Code is CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Date or CqlTypeCode.Decimal
                or CqlTypeCode.Double or CqlTypeCode.Float or CqlTypeCode.Int or CqlTypeCode.Smallint or CqlTypeCode.Time
                or CqlTypeCode.Timestamp or CqlTypeCode.Tinyint or CqlTypeCode.Varint,
            LiteralKind.Uuid => type.Code is CqlTypeCode.Uuid or CqlTypeCode.Timeuuid,
            LiteralKind.Float => type.Code is CqlTypeCode.Decimal or CqlTypeCode.Double or CqlTypeCode.Float,
            LiteralKind.Boolean => type.Code is CqlTypeCode.Boolean,
            LiteralKind.Blob => type.Code is CqlTypeCode.Blob,
            LiteralKind.Duration => type.Code is CqlTypeCode.Duration,
            _ => false,
        };
        if (!fits)
        {
            var kind = literal.Kind == LiteralKind.Blob ? "HEX" : literal.Kind.ToString().ToUpperInvariant();
            throw CqlException.Invalid($"Invalid {kind} constant ({literal.Text}) for \"{name}\" of type {type}");
        }

        return CqlLiterals.Parse(type, literal.Text);
    }

    /// <summary>The type that a literal looks like; null for null.</summary>
    public static CqlType? NaturalType(Literal literal) => literal.Kind switch
    {
        LiteralKind.String => CqlTypes.Text,
        LiteralKind.Integer => int.TryParse(literal.Text, out _) ? CqlTypes.Int
            : long.TryParse(literal.Text, out _) ? CqlTypes.Bigint : CqlTypes.Varint,
        LiteralKind.Float => CqlTypes.Double,
        LiteralKind.Boolean => CqlTypes.Boolean,
        LiteralKind.Uuid => CqlTypes.Uuid,
        LiteralKind.Blob => CqlTypes.Blob,
        LiteralKind.Duration => CqlTypes.Duration,
        _ => null,
    };

    private static string Described(Term term) => term is FunctionCall call ? call.Name.ToString() : term.ToString();

    private static CollectionTerm Collection(CqlType type, IEnumerable<BoundTerm> parts) => new(type, [.. parts]);

    private List<BoundTerm> BindArguments(IReadOnlyList<Term> arguments, ICqlFunction function) =>
        [.. arguments.Select((argument, index) => Bind(argument, function.ArgumentTypes[index], $"arg{index}({function.Name})"))];

    private FieldsTerm UserTypeValue(UserTypeLiteral literal, CqlType type, string name)
    {
        if (type is not UserType user)
        {
            throw CqlException.Invalid($"Invalid user type literal for {name} of type {type}");
        }

        var fields = new BoundTerm?[user.Fields.Length];
        foreach (var field in literal.Fields)
        {
            var position = user.IndexOf(field.Name);
            if (position < 0)
            {
                throw CqlException.Invalid($"Unknown field '{field.Name}' in value of user defined type {user.Name}");
            }

            fields[position] = Bind(field.Value, user.Fields[position].Type, $"{name}.{field.Name}");
        }

        return new FieldsTerm(type, fields);
    }

    private BoundTerm TupleValue(TupleLiteral literal, CqlType type, string name)
    {
        if (type is not TupleType tuple)
        {
            // Parentheses around one term change nothing.
            return literal.Elements.Count == 1
                ? Bind(literal.Elements[0], type, name)
                : throw CqlException.Invalid($"Invalid tuple type literal for {name} of type {type}");
        }

        return literal.Elements.Count > tuple.Elements.Length
            ? throw CqlException.Invalid(
                $"Invalid tuple literal for {name}: too many elements. Type {type} expects {tuple.Elements.Length} but got "
                + literal.Elements.Count)
            : new FieldsTerm(type, [.. literal.Elements.Select((element, index) => Bind(element, tuple.Elements[index], name))]);
    }
}
