using System.Text;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Language;

/// <summary>
/// Syntax as CQL. What was parsed and is written so, is parsed to an equal tree. Keywords are in capitals, names in quotes only where
/// needed, one blank between words.
/// </summary>
public static class CqlText
{
    /// <summary>A statement, with passwords in clear.</summary>
    public static string Of(Statement statement) => Render(text => StatementText.Append(text, statement, hidesSecrets: false));

    /// <summary>A statement for logs and errors: stars in place of passwords.</summary>
    public static string WithoutSecrets(Statement statement) =>
        Render(text => StatementText.Append(text, statement, hidesSecrets: true));

    /// <summary>A term.</summary>
    public static string Of(Term term) => Render(text => TermText.Append(text, term));

    /// <summary>A type.</summary>
    public static string Of(TypeName type) => Render(text => TypeNameText.Append(text, type));

    /// <summary>A selector with its alias.</summary>
    public static string Of(Selector selector) => Render(text => TermText.Append(text, selector));

    /// <summary>A relation of WHERE.</summary>
    public static string Of(Relation relation) => Render(text => RelationText.Append(text, relation));

    /// <summary>What stands behind IN.</summary>
    public static string Of(InValues values) => Render(text => RelationText.Append(text, values));

    /// <summary>A condition behind IF.</summary>
    public static string Of(Condition condition) => Render(text => RelationText.Append(text, condition));

    /// <summary>A column or a part of it.</summary>
    public static string Of(ColumnTarget target) => Render(text => RelationText.Append(text, target));

    /// <summary>An assignment of SET.</summary>
    public static string Of(Assignment assignment) => Render(text => RelationText.Append(text, assignment));

    /// <summary>What a permission is about.</summary>
    public static string Of(PermissionResource resource) => Render(text => RoleText.Append(text, resource));

    /// <summary>A name with its keyspace.</summary>
    public static string Of(QualifiedName name) => Render(text => text.AppendName(name));

    /// <summary>A name, in quotes where needed.</summary>
    public static string Name(string name) => CqlNames.Quote(name);

    /// <summary>A name in quotes.</summary>
    public static string QuotedName(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A string literal.</summary>
    public static string String(string content) => CqlNames.Text(content);

    internal static StringBuilder AppendName(this StringBuilder text, string name) => text.Append(Name(name));

    internal static StringBuilder AppendName(this StringBuilder text, QualifiedName name) =>
        text.AppendKeyspace(name.Keyspace).AppendName(name.Name);

    internal static StringBuilder AppendKeyspace(this StringBuilder text, string? keyspace) =>
        keyspace is null ? text : text.AppendName(keyspace).Append('.');

    /// <summary>Appends each item, with something between them.</summary>
    internal static StringBuilder AppendAll<T>(this StringBuilder text, SyntaxList<T> items, string between, Action<T> append)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                text.Append(between);
            }

            append(items[i]);
        }

        return text;
    }

    internal static StringBuilder AppendNames(this StringBuilder text, SyntaxList<string> names) =>
        text.AppendAll(names, ", ", name => text.AppendName(name));

    private static string Render(Action<StringBuilder> append)
    {
        var text = new StringBuilder();
        append(text);
        return text.ToString();
    }
}
