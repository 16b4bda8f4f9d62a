using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>What kind of statement has a WHERE.</summary>
internal enum WhereKind
{
    /// <summary>SELECT.</summary>
    Select,

    /// <summary>UPDATE.</summary>
    Update,

    /// <summary>DELETE.</summary>
    Delete,
}

/// <summary>Takes the relations of a WHERE apart.</summary>
internal sealed class WhereAnalyzer
{
    private readonly TermBinder _binder;
    private readonly TableDefinition _table;
    private readonly WhereKind _kind;
    private readonly bool _isLenient;
    private readonly Restrictions _restrictions;
    private readonly SortedDictionary<int, ColumnRestriction> _columns = [];
    private readonly List<(IReadOnlyList<int> Columns, Relation Relation, RowFilter Filter)> _tuples = [];
    private bool _hasIndex;

    private WhereAnalyzer(TermBinder binder, WhereKind kind, bool isLenient)
    {
        _binder = binder;
        _table = binder.Table;
        _kind = kind;
        _isLenient = isLenient;
        _restrictions = new Restrictions(_table);
    }

    /// <summary>Takes a WHERE apart.</summary>
    /// <param name="binder">Types the terms.</param>
    /// <param name="where">The relations.</param>
    /// <param name="kind">The kind of statement.</param>
    /// <param name="isLenient">Whether any combination is allowed: with ALLOW FILTERING, and of a computed table.</param>
    /// <exception cref="CqlException">The statement cannot be executed.</exception>
    public static Restrictions Analyze(TermBinder binder, IReadOnlyList<Relation> where, WhereKind kind, bool isLenient)
    {
        var analyzer = new WhereAnalyzer(binder, kind, isLenient);
        foreach (var relation in where)
        {
            analyzer.Add(relation);
        }

        analyzer.Finish();
        return analyzer._restrictions;
    }

    private void Add(Relation relation)
    {
        switch (relation)
        {
            case ColumnRelation column:
                AddColumn(column);
                break;
            case InRelation among:
                var (position, definition) = Column(among.Column);
                if (!definition.IsPrimaryKey && _kind == WhereKind.Select)
                {
                    throw CqlException.Invalid($"IN predicates on non-primary-key columns ({among.Column}) is not yet supported");
                }

                RefuseCollection(definition, "IN");
                var values = In(among.Values, definition.Type, definition.Name);
                Restrict(position).SetEqual(definition, values, RowFilters.In(position, definition.Type, values));
                break;
            case TokenRelation token:
                AddToken(token);
                break;
            case TupleRelation tuple:
                AddTuple(tuple);
                break;
            case TupleInRelation tuples:
                AddTuples(tuples);
                break;
            case ElementRelation element:
                AddElement(element);
                break;
            case NotNullRelation notNull:
                throw CqlException.Invalid($"Unsupported restriction: {notNull}");
            default:
                throw CqlException.Invalid($"Unsupported restriction: {relation}");
        }
    }

    private void AddColumn(ColumnRelation relation)
    {
        var (position, column) = Column(relation.Column);
        var isKey = relation.Operator == RelationOperator.ContainsKey;
        switch (relation.Operator)
        {
            case RelationOperator.NotEqual:
                throw CqlException.Invalid($"Unsupported \"!=\" relation: {relation}");
            case RelationOperator.Like:
                throw CqlException.Invalid($"LIKE restriction is only supported on properly indexed columns. {relation} is not valid.");
            case RelationOperator.Contains or RelationOperator.ContainsKey:
                var element = (column.Type, isKey) switch
                {
                    (MapType map, true) => map.Key,
                    (_, true) => throw CqlException.Invalid($"Cannot use CONTAINS KEY on non-map column {column.Name}"),
                    (MapType map, false) => map.Value,
                    (ListType list, false) => list.Element,
                    (SetType set, false) => set.Element,
                    _ => throw CqlException.Invalid($"Cannot use CONTAINS on non-collection column {column.Name}"),
                };
                var wanted = _binder.Bind(relation.Value, element, isKey ? $"key({column.Name})" : $"value({column.Name})");
                Restrict(position).AddFilter(
                    RowFilters.Contains(position, column.Type, column.Name, isKey, wanted),
                    IsIndexed(column, isKey ? IndexTarget.Keys : IndexTarget.Values));
                return;
        }

        RefuseCollection(column, Symbol(relation.Operator));
        if (!CqlComparer.IsOrdered(column.Type) && relation.Operator != RelationOperator.Equal)
        {
            throw CqlException.Invalid($"Slice restrictions are not supported on duration columns");
        }

        var term = _binder.Bind(relation.Value, column.Type, column.Name);
        var filter = RowFilters.Compare(position, column.Type, column.Name, relation.Operator, term);
        var restriction = Restrict(position);
        if (relation.Operator == RelationOperator.Equal)
        {
            var values = new KeyValues(column.Name, column.Type, [term], null) { IsEquality = true };
            restriction.SetEqual(column, values, filter);
            restriction.IsIndexed |= IsIndexed(column, column.Type.IsCollection ? IndexTarget.Full : IndexTarget.Values);
        }
        else
        {
            restriction.SetBound(column, relation.Operator, term, filter);
        }
    }

    private void AddElement(ElementRelation relation)
    {
        var (position, column) = Column(relation.Column);
        if (column.Type is not MapType map)
        {
            throw CqlException.Invalid($"Column {column.Name} cannot be used as a map");
        }

        if (relation.Operator != RelationOperator.Equal)
        {
            throw CqlException.Invalid($"Unsupported restriction: {relation}");
        }

        Restrict(position).AddFilter(
            RowFilters.Element(
                position, map, column.Name, _binder.Bind(relation.Key, map.Key, $"key({column.Name})"), relation.Operator,
                _binder.Bind(relation.Value, map.Value, $"value({column.Name})")),
            IsIndexed(column, IndexTarget.Entries));
    }

    private void AddToken(TokenRelation relation)
    {
        if (_kind != WhereKind.Select)
        {
            throw CqlException.Invalid(
                $"The token function cannot be used in WHERE clauses for {_kind.ToString().ToUpperInvariant()} statements");
        }

        foreach (var name in relation.Columns)
        {
            Column(name);
        }

        if (relation.Columns.Count != _table.PartitionKey.Length)
        {
            throw CqlException.Invalid("The token() function must be applied to all partition key components or none of them");
        }

        if (!relation.Columns.SequenceEqual(_table.PartitionKey.Select(column => column.Name)))
        {
            throw CqlException.Invalid("The token function arguments must be in the partition key order: "
                + string.Join(", ", _table.PartitionKey.Select(column => column.Name)));
        }

        var term = _binder.Bind(relation.Value, CqlTypes.Bigint, "partition key token");
        _restrictions.All.Add(RowFilters.Token(_table.PartitionKey.Length, relation.Operator, term));
        if (relation.Operator is RelationOperator.Equal or RelationOperator.Greater or RelationOperator.GreaterOrEqual)
        {
            RefuseSecond(_restrictions.LowerToken is not null, "start", relation.Columns);
            _restrictions.LowerToken = new TokenBound(term, relation.Operator != RelationOperator.Greater);
        }

        if (relation.Operator is RelationOperator.Equal or RelationOperator.Less or RelationOperator.LessOrEqual)
        {
            RefuseSecond(_restrictions.UpperToken is not null, "end", relation.Columns);
            _restrictions.UpperToken = new TokenBound(term, relation.Operator != RelationOperator.Less);
        }
    }

    private static void RefuseSecond(bool isThere, string which, IEnumerable<string> columns)
    {
        if (isThere)
        {
            throw CqlException.Invalid($"More than one restriction was found for the {which} bound on {string.Join(", ", columns)}");
        }
    }

    private void AddTuple(TupleRelation relation)
    {
        var (positions, types) = TupleColumns(relation.Columns);
        var terms = TupleTerms(relation.Value, relation.Columns, types);
        var names = relation.Columns.ToArray();
        var filter = RowFilters.CompareTuple(positions, types, names, relation.Operator, terms);
        if (relation.Operator == RelationOperator.Equal)
        {
            for (var index = 0; index < terms.Count; index++)
            {
                var column = _table.Columns[positions[index]];
                var values = new KeyValues(column.Name, column.Type, [terms[index]], null) { IsEquality = true };
                Restrict(positions[index]).SetEqual(
                    column, values, RowFilters.Compare(positions[index], column.Type, column.Name, RelationOperator.Equal, terms[index]));
            }

            return;
        }

        if (relation.Operator is RelationOperator.NotEqual)
        {
            throw CqlException.Invalid($"Unsupported \"!=\" relation: {relation}");
        }

        var isUniform = positions.Select(position => _table.Columns[position].Order).Distinct().Count() == 1;
        var isLower = relation.Operator is RelationOperator.Greater or RelationOperator.GreaterOrEqual;
        var bound = new SliceBound(terms, relation.Operator is RelationOperator.GreaterOrEqual or RelationOperator.LessOrEqual);
        var first = Restrict(positions[0]);
        if (isUniform)
        {
            first.SetTupleBound(string.Join(", ", names), isLower, bound, filter);
        }
        else
        {
            first.AddMixedSlice(filter);
        }
    }

    private void AddTuples(TupleInRelation relation)
    {
        var (positions, types) = TupleColumns(relation.Columns);
        var names = relation.Columns.ToArray();
        Func<BoundValues, IEnumerable<IReadOnlyList<ReadOnlyMemory<byte>>>> values;
        if (relation.Values is InList list)
        {
            var tuples = list.Values.Select(tuple => TupleTerms(tuple, relation.Columns, types)).ToArray();
            values = bound => tuples.Select(tuple => (IReadOnlyList<ReadOnlyMemory<byte>>)[.. tuple.Select((term, index) =>
                KeyValues.Required(term.Evaluate(bound), names[index]))]);
        }
        else
        {
            var type = new TupleType([.. types]);
            var marker = _binder.Bind(
                ((InMarker)relation.Values).Marker, new ListType(type, true), $"in({string.Join(",", names)})");
            values = bound => CqlSequence.ReadCollection(KeyValues.Required(marker.Evaluate(bound), names[0])).Select(tuple =>
                (IReadOnlyList<ReadOnlyMemory<byte>>)[.. CqlSequence.ReadTuple(tuple, names.Length).Select((field, index) =>
                    KeyValues.Required(CqlValue.Of(field), names[index]))]);
        }

        var filter = RowFilters.InTuples(positions, types, values);
        Restrict(positions[0]).SetTuples(string.Join(", ", names), positions.Count, values, filter);
    }

    private (IReadOnlyList<int> Positions, IReadOnlyList<CqlType> Types) TupleColumns(IReadOnlyList<string> names)
    {
        var positions = new List<int>();
        foreach (var name in names)
        {
            var (position, column) = Column(name);
            if (column.Kind != ColumnKind.Clustering)
            {
                throw CqlException.Invalid(
                    $"Multi-column relations can only be applied to clustering columns but was applied to: {name}");
            }

            if (positions.Count > 0 && position != positions[^1] + 1)
            {
                throw CqlException.Invalid(
                    $"Clustering columns must appear in the PRIMARY KEY order in multi-column relations: ({string.Join(", ", names)})");
            }

            positions.Add(position);
        }

        return (positions, [.. positions.Select(position => _table.Columns[position].Type)]);
    }

    private List<BoundTerm> TupleTerms(Term value, IReadOnlyList<string> names, IReadOnlyList<CqlType> types)
    {
        if (value is BindMarker marker)
        {
            var whole = _binder.Bind(marker, new TupleType([.. types]), $"({string.Join(",", names)})");
            return [.. types.Select((type, index) => (BoundTerm)new TupleFieldTerm(type, whole, types.Count, index))];
        }

        return value is TupleLiteral literal && literal.Elements.Count == names.Count
            ? [.. literal.Elements.Select((element, index) => _binder.Bind(element, types[index], names[index]))]
            : throw CqlException.Invalid($"Expected {names.Count} elements in value tuple, but got "
                + $"{(value as TupleLiteral)?.Elements.Count ?? 1}: {value}");
    }

    private KeyValues In(InValues values, CqlType type, string name) => values switch
    {
        InList list => new KeyValues(name, type, [.. list.Values.Select(value => _binder.Bind(value, type, name))], null),
        InMarker marker => new KeyValues(name, type, null, _binder.Bind(marker.Marker, new ListType(type, true), $"in({name})")),
        _ => throw CqlException.Invalid($"Unsupported restriction: {name} IN {values}"),
    };

    private void Finish()
    {
        foreach (var restriction in _columns.Values)
        {
            _restrictions.All.AddRange(restriction.Filters);
            _hasIndex |= restriction.IsIndexed;
        }

        FinishPartitionKey();
        FinishClustering();
        foreach (var (position, restriction) in _columns.Where(pair => !_table.Columns[pair.Key].IsPrimaryKey))
        {
            if (_kind != WhereKind.Select)
            {
                throw CqlException.Invalid($"Non PRIMARY KEY columns found in where clause: {_table.Columns[position].Name} ");
            }

            _restrictions.Others.Add(_table.Columns[position]);
            _restrictions.Filters.AddRange(restriction.Filters);
            _restrictions.NeedsFiltering |= !restriction.IsIndexed;
        }
    }

    private void FinishPartitionKey()
    {
        var given = _table.PartitionKey.Select((_, position) => _columns.GetValueOrDefault(position)).ToArray();
        var hasToken = _restrictions.LowerToken is not null || _restrictions.UpperToken is not null;
        if (given.All(restriction => restriction?.Values is not null) && !hasToken)
        {
            _restrictions.PartitionKey = [.. given.Select(restriction => restriction!.Values!)];
            return;
        }

        if (_kind != WhereKind.Select)
        {
            var missing = _table.PartitionKey.Where((_, position) => given[position]?.Values is null).Select(column => column.Name);
            throw given.Any(restriction => restriction is { Values: null })
                ? CqlException.Invalid("Only EQ and IN relation are supported on the partition key (unless you use the token() function) "
                    + $"for {_kind.ToString().ToUpperInvariant()} statements")
                : CqlException.Invalid($"Some partition key parts are missing: {string.Join(", ", missing)}");
        }

        foreach (var restriction in given.OfType<ColumnRestriction>())
        {
            if (restriction.Values is null && !_isLenient)
            {
                throw CqlException.Invalid(
                    "Only EQ and IN relation are supported on the partition key (unless you use the token() function)");
            }

            _restrictions.Filters.AddRange(restriction.Filters);
            _restrictions.NeedsFiltering = true;
        }
    }

    private void FinishClustering()
    {
        var first = _table.PartitionKey.Length;
        var isByKey = _restrictions.PartitionKey is not null;
        string? gap = null;
        string? sliced = null;
        for (var index = 0; index < _table.Clustering.Length; index++)
        {
            var column = _table.Clustering[index];
            if (!_columns.TryGetValue(first + index, out var restriction))
            {
                // The columns that a tuple of IN covers are not missing.
                gap = gap is null && index >= _restrictions.Clustering.PrefixColumns ? column.Name : gap;
                continue;
            }

            _restrictions.RestrictsClustering = true;
            if (isByKey && gap is null && sliced is null && restriction.TryPutInto(_restrictions.Clustering))
            {
                sliced = restriction.Values is null && restriction.Tuples is null ? column.Name : null;
                _restrictions.Filters.AddRange(restriction.MixedSlices);
                continue;
            }

            if (isByKey && !_isLenient && !_hasIndex)
            {
                throw sliced is not null
                    ? CqlException.Invalid($"Clustering column \"{column.Name}\" cannot be restricted (preceding column \"{sliced}\" is "
                        + "restricted by a non-EQ relation)")
                    : CqlException.Invalid($"PRIMARY KEY column \"{column.Name}\" cannot be restricted as preceding column "
                        + $"\"{gap ?? _table.Clustering[Math.Max(0, index - 1)].Name}\" is not restricted");
            }

            _restrictions.Filters.AddRange(restriction.Filters);
            _restrictions.NeedsFiltering = true;
        }
    }

    private (int Position, ColumnDefinition Column) Column(string name)
    {
        for (var position = 0; position < _table.Columns.Length; position++)
        {
            if (_table.Columns[position].Name == name)
            {
                return (position, _table.Columns[position]);
            }
        }

        throw UndefinedColumn(_table, name);
    }

    /// <summary>The error about a column that the table doesn't have.</summary>
    public static CqlException UndefinedColumn(TableDefinition table, string name) =>
        CqlException.Invalid($"Undefined column name {CqlNames.Quote(name)} in table {table.Keyspace}.{table.Name}");

    private ColumnRestriction Restrict(int position)
    {
        if (!_columns.TryGetValue(position, out var restriction))
        {
            restriction = new ColumnRestriction();
            _columns[position] = restriction;
        }

        return restriction;
    }

    private bool IsIndexed(ColumnDefinition column, IndexTarget target) =>
        _table.Indexes.Any(index => index.Column == column.Name && (index.Target == target
            || (target == IndexTarget.Full && index.Target == IndexTarget.Values)));

    private static void RefuseCollection(ColumnDefinition column, string operation)
    {
        if (column.Type.IsMultiCell)
        {
            throw CqlException.Invalid(column.Type.IsCollection
                ? $"Collection column '{column.Name}' ({column.Type}) cannot be restricted by a '{operation}' relation"
                : $"Non-frozen UDT column '{column.Name}' ({column.Type}) cannot be restricted by any relation");
        }
    }

    private static string Symbol(RelationOperator operation) => operation switch
    {
        RelationOperator.Equal => "=",
        RelationOperator.Less => "<",
        RelationOperator.LessOrEqual => "<=",
        RelationOperator.Greater => ">",
        RelationOperator.GreaterOrEqual => ">=",
        _ => "!=",
    };
}
