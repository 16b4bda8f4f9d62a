using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Language;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>An aggregate among the selectors, with its arguments.</summary>
internal sealed record SelectedAggregate(ICqlAggregate Aggregate, IReadOnlyList<RowTerm> Arguments);

/// <summary>What SELECT returns: a column of the result a selector, or one of JSON.</summary>
internal sealed class Selection
{
    private static readonly IReadOnlyList<ICqlAggregation> NoAggregations = [];

    private readonly List<RowTerm> _terms = [];
    private readonly List<SelectedAggregate> _aggregates = [];
    private readonly List<string> _names = [];
    private readonly SortedSet<int> _columns = [];
    private readonly TermBinder _binder;
    private readonly bool _isJson;

    private Selection(TermBinder binder, bool isJson)
    {
        _binder = binder;
        _isJson = isJson;
    }

    /// <summary>The columns of the result.</summary>
    public IReadOnlyList<ColumnSpec> Columns { get; private set; } = [];

    /// <summary>The aggregates; none for a query of rows.</summary>
    public IReadOnlyList<SelectedAggregate> Aggregates => _aggregates;

    /// <summary>The positions of the table's columns that are read; all of them for *.</summary>
    public IReadOnlyCollection<int> TableColumns => _columns;

    /// <summary>Types what SELECT returns.</summary>
    public static Selection Of(TermBinder binder, SelectStatement statement)
    {
        var selection = new Selection(binder, statement.IsJson);
        var table = binder.Table;
        var isAll = statement.Selectors.IsEmpty;
        var columns = new List<ColumnSpec>();
        if (isAll)
        {
            for (var position = 0; position < table.Columns.Length; position++)
            {
                if (!statement.IsDistinct || table.Columns[position].Kind is ColumnKind.PartitionKey or ColumnKind.Static)
                {
                    var column = table.Columns[position];
                    selection._columns.Add(position);
                    selection._terms.Add(new ColumnRowTerm(column, position));
                    selection._names.Add(column.Name);
                    columns.Add(new ColumnSpec(table.Keyspace, table.Name, column.Name, column.Type));
                }
            }
        }

        foreach (var selector in statement.Selectors)
        {
            var term = selection.Bind(selector.Term, null);
            var name = selector.Alias ?? selection.NameOf(selector.Term);
            selection._terms.Add(term);
            selection._names.Add(name);
            columns.Add(new ColumnSpec(table.Keyspace, table.Name, name, term.Type));
        }

        selection.Columns = statement.IsJson
            ? [new ColumnSpec(table.Keyspace, table.Name, "[json]", CqlTypes.Text)]
            : columns;
        return selection;
    }

    /// <summary>The result of a row.</summary>
    public ReadOnlyMemory<byte>?[] Evaluate(RowView row, BoundValues values) => Evaluate(new RowScope(row, values, NoAggregations));

    /// <summary>The result of a row or a group.</summary>
    public ReadOnlyMemory<byte>?[] Evaluate(in RowScope scope)
    {
        var result = new ReadOnlyMemory<byte>?[_terms.Count];
        for (var index = 0; index < result.Length; index++)
        {
            result[index] = _terms[index].Evaluate(scope);
        }

        return _isJson ? [Json(result)] : result;
    }

    /// <summary>Types a term of GROUP BY.</summary>
    public RowTerm BindGrouping(Term term) => Bind(term, null);

    private ReadOnlyMemory<byte> Json(ReadOnlyMemory<byte>?[] values) => CqlBytes.Of(
        CqlJsonWriter.EncodeRow([.. _terms.Select((term, index) => (_names[index], term.Type))], values));

    private RowTerm Bind(Term term, CqlType? expected)
    {
        switch (term)
        {
            case ColumnTerm column:
                var position = PositionOf(column.Name);
                _columns.Add(position);
                return new ColumnRowTerm(_binder.Table.Columns[position], position);
            case FieldTerm field:
                var value = Bind(field.Value, null);
                if (value.Type is not UserType user)
                {
                    throw CqlException.Invalid($"Invalid field selection: {field.Value} of type {value.Type} is not a user type");
                }

                return user.IndexOf(field.Field) is >= 0 and var index
                    ? new FieldRowTerm(value, user, index)
                    : throw CqlException.Invalid($"{field.Value} of type {value.Type} has no field {field.Field}");
            case ElementTerm element:
                var collection = Bind(element.Collection, null);
                var (keyType, elementType) = KeyOf(collection.Type, element);
                return new ElementRowTerm(collection, elementType, Bind(element.Key, keyType));
            case SliceTerm slice:
                var sliced = Bind(slice.Collection, null);
                var (boundType, _) = KeyOf(sliced.Type, slice);
                return new SliceRowTerm(
                    sliced, slice.From is null ? null : Bind(slice.From, boundType), slice.To is null ? null : Bind(slice.To, boundType));
            case CountRows:
                return Aggregated(RowCount.Instance, []);
            case WriteTimeTerm writeTime:
                return Cell(writeTime.Column, false);
            case TimeToLiveTerm timeToLive:
                return Cell(timeToLive.Column, true);
            case FunctionCall call:
                return Called(call, expected);
            case Cast cast:
                var operand = Bind(cast.Value, null);
                CqlTypes.TryGet(cast.Type.Name, out var target);
                var conversion = _binder.Functions.FindCast(operand.Type, target ?? CqlTypes.Text);
                return new FunctionRowTerm(conversion, [operand]);
            case Arithmetic arithmetic:
                var operation = _binder.Functions.FindOperator(
                    arithmetic.Operator, OperandType(arithmetic.Left, expected), OperandType(arithmetic.Right, expected), expected);
                return new FunctionRowTerm(operation, [
                    Bind(arithmetic.Left, operation.ArgumentTypes[0]), Bind(arithmetic.Right, operation.ArgumentTypes[1])]);
            case Negation negation:
                var negated = Bind(negation.Operand, expected);
                return new FunctionRowTerm(_binder.Functions.FindNegation(negated.Type), [negated]);
            case TupleLiteral { Elements.Count: 1 } parentheses when expected is not TupleType:
                return Bind(parentheses.Elements[0], expected);
            case TypeHint hint when IsOfRow(hint.Value) || hint.Value is UserTypeLiteral:
                return BindAs(hint.Value, _binder.TypeOf(hint)!.Freeze());
            case TupleLiteral or ListLiteral or SetLiteral or MapLiteral or UserTypeLiteral when IsOfRow(term):
            case UserTypeLiteral when expected is MapType:
                return Constructed(term, expected);
            default:
                return new FreeRowTerm(expected is null ? _binder.BindFree(term, null) : _binder.Bind(term, expected, term.ToString()));
        }
    }

    // Values made of a row's: of what has no columns in it, the binder makes values for all rows alike.
    private RowTerm Constructed(Term term, CqlType? expected)
    {
        switch (term, expected)
        {
            case (TupleLiteral tuple, null):
                var parts = tuple.Elements.Select(element => Bind(element, null)).ToList();
                return new FieldsRowTerm(new TupleType([.. parts.Select(part => part.Type.Freeze())]), parts);
            case (TupleLiteral tuple, TupleType type) when tuple.Elements.Count <= type.Elements.Length:
                return new FieldsRowTerm(type, [.. tuple.Elements.Select((element, index) => BindAs(element, type.Elements[index]))]);
            case (UserTypeLiteral user, UserType type):
                var fields = new RowTerm?[type.Fields.Length];
                foreach (var field in user.Fields)
                {
                    var position = type.IndexOf(field.Name) is >= 0 and var found ? found
                        : throw CqlException.Invalid($"Unknown field '{field.Name}' in value of user defined type {type.Name}");
                    fields[position] = BindAs(field.Value, type.Fields[position].Type);
                }

                return new FieldsRowTerm(type, fields);
            case (UserTypeLiteral map, MapType):
                return Constructed(
                    new MapLiteral([.. map.Fields.Select(field => new MapEntry(new ColumnTerm(field.Name), field.Value))]), expected);
            case (ListLiteral list, null or ListType):
                var element = (expected as ListType)?.Element ?? FirstType(term, list.Elements);
                return Collection(new ListType(element, true), list.Elements, element, element);
            case (SetLiteral set, null or SetType):
                var member = (expected as SetType)?.Element ?? FirstType(term, set.Elements);
                return Collection(new SetType(member, true), set.Elements, member, member);
            case (MapLiteral map, null or MapType):
                var key = (expected as MapType)?.Key ?? FirstType(term, [.. map.Entries.Select(entry => entry.Key)]);
                var value = (expected as MapType)?.Value ?? FirstType(term, [.. map.Entries.Select(entry => entry.Value)]);
                return Collection(
                    new MapType(key, value, true), map.Entries.SelectMany(entry => new[] { entry.Key, entry.Value }), key, value);
            default:
                throw expected is null ? CannotInfer(term) : CqlException.Invalid($"{term} is no value of type {expected}");
        }
    }

    private CollectionRowTerm Collection(CqlType type, IEnumerable<Term> parts, CqlType even, CqlType odd) =>
        new(type, [.. parts.Select((part, index) => BindAs(part, index % 2 == 0 ? even : odd))]);

    private RowTerm BindAs(Term term, CqlType type) => Bind(term, type) is var bound && TermBinder.IsAssignable(bound.Type, type)
        ? bound.Type.Equals(type) ? bound : new RetypedRowTerm(type, bound)
        : throw CqlException.Invalid($"{term} is of type {bound.Type}, and no value of type {type}");

    private CqlType FirstType(Term term, IReadOnlyList<Term> parts) =>
        (parts.Select(TypeOf).FirstOrDefault(type => type is not null)
            ?? parts.Select(part => OperandType(part, null)).FirstOrDefault(type => type is not null))?.Freeze()
        ?? throw CannotInfer(term);

    private static CqlException CannotInfer(Term term) =>
        CqlException.Invalid($"Cannot infer type for term {term} in selection clause (try using a cast to force a type)");

    private static bool IsOfRow(Term term) => term switch
    {
        ColumnTerm or FieldTerm or ElementTerm or SliceTerm or CountRows or WriteTimeTerm or TimeToLiveTerm => true,
        FunctionCall call => call.Arguments.Any(IsOfRow),
        Cast cast => IsOfRow(cast.Value),
        TypeHint hint => IsOfRow(hint.Value),
        Arithmetic arithmetic => IsOfRow(arithmetic.Left) || IsOfRow(arithmetic.Right),
        Negation negation => IsOfRow(negation.Operand),
        TupleLiteral tuple => tuple.Elements.Any(IsOfRow),
        ListLiteral list => list.Elements.Any(IsOfRow),
        SetLiteral set => set.Elements.Any(IsOfRow),
        MapLiteral map => map.Entries.Any(entry => IsOfRow(entry.Key) || IsOfRow(entry.Value)),
        UserTypeLiteral user => user.Fields.Any(field => IsOfRow(field.Value)),
        _ => false,
    };

    private RowTerm Called(FunctionCall call, CqlType? expected)
    {
        if (call.Name is { Keyspace: null or "system", Name: "token" })
        {
            if (call.Arguments.Count != _binder.Table.PartitionKey.Length)
            {
                throw CqlException.Invalid(
                    $"Invalid number of arguments in call to function token: {_binder.Table.PartitionKey.Length} required but "
                    + $"{call.Arguments.Count} provided");
            }

            return new TokenRowTerm([.. call.Arguments.Select((argument, index) =>
                Bind(argument, _binder.Table.PartitionKey[index].Type))]);
        }

        var types = call.Arguments.Select(TypeOf).ToArray();
        if (_binder.Functions.FindAggregate(call.Name, types) is { } aggregate)
        {
            return Aggregated(aggregate, [.. call.Arguments.Select((argument, index) =>
                Bind(argument, aggregate.ArgumentTypes[index]))]);
        }

        var function = _binder.Functions.FindFunction(call.Name, types, expected, _binder.Table)
            ?? throw CqlException.Invalid($"Unknown function '{call.Name}'");
        return new FunctionRowTerm(
            function, [.. call.Arguments.Select((argument, index) => Bind(argument, function.ArgumentTypes[index]))]);
    }

    private AggregateRowTerm Aggregated(ICqlAggregate aggregate, IReadOnlyList<RowTerm> arguments)
    {
        _aggregates.Add(new SelectedAggregate(aggregate, arguments));
        return new AggregateRowTerm(aggregate.ReturnType, _aggregates.Count - 1);
    }

    private CellRowTerm Cell(Term term, bool isTimeToLive)
    {
        var function = isTimeToLive ? "ttl" : "writetime";
        var name = term switch
        {
            ColumnTerm column => column.Name,
            ElementTerm { Collection: ColumnTerm column } => column.Name,
            FieldTerm { Value: ColumnTerm column } => column.Name,
            _ => throw CqlException.Invalid($"Cannot use selection function {function} on {term}"),
        };
        var position = PositionOf(name);
        var definition = _binder.Table.Columns[position];
        if (definition.IsPrimaryKey)
        {
            throw CqlException.Invalid($"Cannot use selection function {function} on PRIMARY KEY part {name}");
        }

        _columns.Add(position);
        switch (term)
        {
            case ElementTerm element when definition.Type.IsMultiCell:
                var (keyType, _) = KeyOf(definition.Type, element);
                var key = Bind(element.Key, keyType);
                return new CellRowTerm(
                    definition, scope => key.Evaluate(scope) is { } bytes ? CellValues.PathOf(keyType, bytes) : [], isTimeToLive);
            case FieldTerm field when definition.Type is UserType { IsMultiCell: true } user:
                var path = CellValues.PathOfField(user.IndexOf(field.Field) is >= 0 and var index
                    ? index : throw CqlException.Invalid($"{name} of type {user} has no field {field.Field}"));
                return new CellRowTerm(definition, _ => path, isTimeToLive);
            case ColumnTerm when definition.Type.IsMultiCell:
                throw CqlException.Invalid($"Cannot use selection function {function} on non-frozen "
                    + $"{(definition.Type.IsCollection ? "collection" : "UDT")} {name}");
            default:
                return new CellRowTerm(definition, null, isTimeToLive);
        }
    }

    private static (CqlType Key, CqlType Element) KeyOf(CqlType type, Term term) => type switch
    {
        MapType map => (map.Key, map.Value),
        SetType set => (set.Element, set.Element),
        _ => throw CqlException.Invalid($"Invalid element selection: {term} is of type {type}, not a map or a set"),
    };

    // As far as it is known before the term is bound: of columns, and of what is made from them.
    private CqlType? TypeOf(Term term) => term switch
    {
        ColumnTerm column => _binder.Table.Columns[PositionOf(column.Name)].Type,
        FieldTerm field => TypeOf(field.Value) is UserType user && user.IndexOf(field.Field) is >= 0 and var index
            ? user.Fields[index].Type : null,
        ElementTerm element => TypeOf(element.Collection) switch
        {
            MapType map => map.Value,
            SetType set => set.Element,
            _ => null,
        },
        SliceTerm slice => TypeOf(slice.Collection),
        CountRows or WriteTimeTerm => CqlTypes.Bigint,
        TimeToLiveTerm => CqlTypes.Int,
        FunctionCall { Name: { Keyspace: null or "system", Name: "token" } } => CqlTypes.Bigint,
        FunctionCall call => call.Arguments.Select(TypeOf).ToArray() is var types
            ? _binder.Functions.FindAggregate(call.Name, types)?.ReturnType
                ?? _binder.Functions.FindFunction(call.Name, types, null, _binder.Table)?.ReturnType
            : null,
        Arithmetic arithmetic => _binder.Functions.FindOperator(
            arithmetic.Operator, OperandType(arithmetic.Left, null), OperandType(arithmetic.Right, null), null).ReturnType,
        Negation negation => TypeOf(negation.Operand),
        TupleLiteral { Elements.Count: 1 } parentheses => OperandType(parentheses.Elements[0], null),
        _ => _binder.TypeOf(term),
    };

    // Where nothing else is wanted, a literal is what it looks like: "a + 1.5" is no sum of ints.
    private CqlType? OperandType(Term term, CqlType? expected) =>
        TypeOf(term) ?? (expected is null && term is Literal literal ? TermBinder.NaturalType(literal) : null);

    private int PositionOf(string name)
    {
        for (var position = 0; position < _binder.Table.Columns.Length; position++)
        {
            if (_binder.Table.Columns[position].Name == name)
            {
                return position;
            }
        }

        throw WhereAnalyzer.UndefinedColumn(_binder.Table, name);
    }

    // The names that Cassandra gives to what has no alias.
    private string NameOf(Term term) => term switch
    {
        ColumnTerm column => column.Name,
        CountRows => "count",
        FieldTerm field => $"{NameOf(field.Value)}.{field.Field}",
        WriteTimeTerm writeTime => $"writetime({NameOf(writeTime.Column)})",
        TimeToLiveTerm timeToLive => $"ttl({NameOf(timeToLive.Column)})",
        Cast cast => $"cast({NameOf(cast.Value)} as {cast.Type})",
        ElementTerm element => $"{NameOf(element.Collection)}[{element.Key}]",
        FunctionCall call =>
            $"{call.Name.Keyspace ?? "system"}.{call.Name.Name}({string.Join(", ", call.Arguments.Select(NameOf))})",
        Arithmetic arithmetic => $"{NameOf(arithmetic.Left)} {Symbol(arithmetic.Operator)} {NameOf(arithmetic.Right)}",
        Negation negation => $"-{NameOf(negation.Operand)}",
        Literal literal => literal.ToString(),
        _ => CqlText.Of(term),
    };

    private static char Symbol(ArithmeticOperator operation) => operation switch
    {
        ArithmeticOperator.Add => '+',
        ArithmeticOperator.Subtract => '-',
        ArithmeticOperator.Multiply => '*',
        ArithmeticOperator.Divide => '/',
        _ => '%',
    };
}
