using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads SELECT.</summary>
internal static class SelectSyntax
{
    /// <summary>SELECT.</summary>
    public static SelectStatement Select(TokenReader reader)
    {
        reader.Expect(Keyword.Select);
        var isJson = AcceptKeyword(reader, Keyword.Json);
        var isDistinct = AcceptKeyword(reader, Keyword.Distinct);
        var selectors = SelectorSyntax.Selectors(reader);
        reader.Expect(Keyword.From);
        var table = NameSyntax.Table(reader);
        return new SelectStatement(table, selectors, RelationSyntax.OptionalWhere(reader))
        {
            IsJson = isJson,
            IsDistinct = isDistinct,
            GroupBy = AcceptPair(reader, Keyword.Group, Keyword.By) ? reader.List(TermSyntax.SelectorTerm) : [],
            OrderBy = AcceptPair(reader, Keyword.Order, Keyword.By) ? reader.List(Ordering) : [],
            PerPartitionLimit = PerPartitionLimit(reader),
            Limit = reader.Accept(Keyword.Limit) ? TermSyntax.Integer(reader) : null,
            AllowFiltering = AcceptPair(reader, Keyword.Allow, Keyword.Filtering),
        };
    }

    /// <summary>Reads JSON or DISTINCT, if it is the keyword: both are also names of columns.</summary>
    private static bool AcceptKeyword(TokenReader reader, Keyword keyword)
    {
        if (!reader.Is(keyword) || !SelectorSyntax.IsKeywordBefore(reader))
        {
            return false;
        }

        reader.Next();
        return true;
    }

    private static bool AcceptPair(TokenReader reader, Keyword first, Keyword second)
    {
        if (!reader.Accept(first))
        {
            return false;
        }

        reader.Expect(second);
        return true;
    }

    private static Ordering Ordering(TokenReader reader)
    {
        var column = NameSyntax.ColumnName(reader);
        var isDescending = reader.Accept(Keyword.Desc);
        if (!isDescending)
        {
            reader.Accept(Keyword.Asc);
        }

        return new Ordering(column, isDescending);
    }

    private static Term? PerPartitionLimit(TokenReader reader)
    {
        if (!reader.Accept(Keyword.Per))
        {
            return null;
        }

        reader.Expect(Keyword.Partition, Keyword.Limit);
        return TermSyntax.Integer(reader);
    }
}
