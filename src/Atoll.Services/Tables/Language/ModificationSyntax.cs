using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads INSERT, UPDATE, DELETE and BATCH.</summary>
internal static class ModificationSyntax
{
    /// <summary>INSERT.</summary>
    public static ModificationStatement Insert(TokenReader reader)
    {
        reader.Expect(Keyword.Insert, Keyword.Into);
        var table = NameSyntax.Table(reader);
        if (reader.Accept(Keyword.Json))
        {
            return InsertJson(reader, table);
        }

        var columns = reader.List(TokenKind.LeftParenthesis, NameSyntax.ColumnName, TokenKind.RightParenthesis);
        reader.Expect(Keyword.Values);
        var values = reader.List(TokenKind.LeftParenthesis, TermSyntax.Term, TokenKind.RightParenthesis);
        var ifNotExists = reader.AcceptIfNotExists();
        return new InsertStatement(table, columns, values, ifNotExists, Using(reader, withTimeToLive: true));
    }

    /// <summary>UPDATE.</summary>
    public static UpdateStatement Update(TokenReader reader)
    {
        reader.Expect(Keyword.Update);
        var table = NameSyntax.Table(reader);
        var clause = Using(reader, withTimeToLive: true);
        reader.Expect(Keyword.Set);
        var assignments = Assignments(reader);
        var where = RelationSyntax.Where(reader);
        var (ifExists, conditions) = RelationSyntax.Conditions(reader);
        return new UpdateStatement(table, clause, assignments, where, ifExists, conditions);
    }

    /// <summary>DELETE.</summary>
    public static DeleteStatement Delete(TokenReader reader)
    {
        reader.Expect(Keyword.Delete);
        SyntaxList<ColumnTarget> targets = reader.Is(Keyword.From) ? [] : reader.List(RelationSyntax.Target);
        reader.Expect(Keyword.From);
        var table = NameSyntax.Table(reader);
        var clause = Using(reader, withTimeToLive: false);
        var where = RelationSyntax.Where(reader);
        var (ifExists, conditions) = RelationSyntax.Conditions(reader);
        return new DeleteStatement(table, targets, clause, where, ifExists, conditions);
    }

    /// <summary>BEGIN BATCH ... APPLY BATCH.</summary>
    public static BatchStatement Batch(TokenReader reader)
    {
        reader.Expect(Keyword.Begin);
        var kind = reader.Accept(Keyword.Unlogged) ? BatchKind.Unlogged
            : reader.Accept(Keyword.Counter) ? BatchKind.Counter
            : BatchKind.Logged;
        reader.Expect(Keyword.Batch);
        var clause = Using(reader, withTimeToLive: true);
        var statements = new List<ModificationStatement>();
        while (!reader.Is(Keyword.Apply))
        {
            statements.Add(reader.Current.Keyword switch
            {
                Keyword.Insert => Insert(reader),
                Keyword.Update => Update(reader),
                Keyword.Delete => Delete(reader),
                _ => throw reader.Unexpected(),
            });
            reader.Accept(TokenKind.Semicolon);
        }

        reader.Expect(Keyword.Apply, Keyword.Batch);
        return new BatchStatement(kind, clause, [.. statements]);
    }

    private static InsertJsonStatement InsertJson(TokenReader reader, QualifiedName table)
    {
        Term json = TermSyntax.IsMarker(reader) ? TermSyntax.Marker(reader)
            : reader.Is(TokenKind.String) ? TermSyntax.Literal(reader)
            : throw reader.Unexpected();
        var isDefaultUnset = false;
        if (reader.Accept(Keyword.Default))
        {
            isDefaultUnset = reader.Accept(Keyword.Unset);
            if (!isDefaultUnset)
            {
                reader.Expect(Keyword.Null);
            }
        }

        var ifNotExists = reader.AcceptIfNotExists();
        return new InsertJsonStatement(table, json, isDefaultUnset, ifNotExists, Using(reader, withTimeToLive: true));
    }

    private static UsingClause Using(TokenReader reader, bool withTimeToLive)
    {
        if (!reader.Accept(Keyword.Using))
        {
            return UsingClause.None;
        }

        var clause = UsingClause.None;
        do
        {
            if (withTimeToLive && reader.Is(Keyword.Ttl) && clause.TimeToLiveSeconds is null)
            {
                reader.Next();
                clause = clause with { TimeToLiveSeconds = TermSyntax.Integer(reader) };
            }
            else if (clause.TimestampMicroseconds is null)
            {
                reader.Expect(Keyword.Timestamp);
                clause = clause with { TimestampMicroseconds = TermSyntax.Integer(reader) };
            }
            else
            {
                throw reader.Unexpected();
            }
        }
        while (withTimeToLive && reader.Accept(Keyword.And));

        return clause;
    }

    private static SyntaxList<Assignment> Assignments(TokenReader reader)
    {
        // By column, whether it was set as a whole: then nothing else may change it.
        var changed = new Dictionary<string, bool>(StringComparer.Ordinal);
        return reader.List(_ =>
        {
            var start = reader.Current;
            var assignment = Assignment(reader);
            var isWhole = assignment is SetAssignment { Target: WholeColumn };
            if (changed.TryGetValue(assignment.Column, out var wasWhole) && (isWhole || wasWhole))
            {
                throw SyntaxErrors.At(
                    reader.Query, start.Start, $"Multiple incompatible setting of column {CqlText.Name(assignment.Column)}");
            }

            changed[assignment.Column] = isWhole;
            return assignment;
        });
    }

    private static Assignment Assignment(TokenReader reader)
    {
        var target = RelationSyntax.Target(reader);
        if (target is not WholeColumn { Column: var column })
        {
            reader.Expect(TokenKind.Equal);
            return new SetAssignment(target, TermSyntax.Term(reader));
        }

        if (reader.Accept(TokenKind.PlusEqual))
        {
            return new AddAssignment(column, TermSyntax.Term(reader));
        }

        if (reader.Accept(TokenKind.MinusEqual))
        {
            return new SubtractAssignment(column, TermSyntax.Term(reader));
        }

        reader.Expect(TokenKind.Equal);
        if (reader.Current.IsColumnName && !TermSyntax.IsCall(reader) && !IsCast(reader))
        {
            return OfItself(reader, column);
        }

        var value = TermSyntax.Term(reader);
        if (!reader.Accept(TokenKind.Plus))
        {
            return new SetAssignment(target, value);
        }

        ExpectSame(reader, column, "X = <value> + X");
        return new PrependAssignment(column, value);
    }

    private static bool IsCast(TokenReader reader) =>
        reader.Is(Keyword.Cast) && reader.Peek(1).Kind == TokenKind.LeftParenthesis;

    /// <summary>What follows "c = " when it begins with a column: c + value, c - value, also as "c -1".</summary>
    private static Assignment OfItself(TokenReader reader, string column)
    {
        var isPlus = reader.Peek(1).Kind == TokenKind.Plus;
        ExpectSame(reader, column, isPlus ? "X = X + <value>" : "X = X - <value>");
        if (reader.Accept(TokenKind.Plus))
        {
            return new AddAssignment(column, TermSyntax.Term(reader));
        }

        if (reader.IsNegativeNumber())
        {
            reader.SplitSign();
        }
        else
        {
            reader.Expect(TokenKind.Minus);
        }

        return new SubtractAssignment(column, TermSyntax.Term(reader));
    }

    private static void ExpectSame(TokenReader reader, string column, string form)
    {
        var token = reader.Current;
        if (NameSyntax.ColumnName(reader) != column)
        {
            throw SyntaxErrors.At(reader.Query, token.Start, $"Only expressions of the form {form} are supported.");
        }
    }
}
