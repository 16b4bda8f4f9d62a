using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Terms and selectors as CQL.</summary>
internal static class TermText
{
    public static void Append(StringBuilder text, Selector selector)
    {
        Append(text, selector.Term);
        if (selector.Alias is { } alias)
        {
            text.Append(" AS ").AppendName(alias);
        }
    }

    public static void Append(StringBuilder text, Term term)
    {
        switch (term)
        {
            case Literal literal:
                text.Append(literal.Kind == LiteralKind.String ? CqlText.String(literal.Text) : literal.Text);
                break;
            case BindMarker { Name: null }:
                text.Append('?');
                break;
            case BindMarker marker:
                text.Append(':').AppendName(marker.Name);
                break;
            case FunctionCall call:
                AppendFunctionName(text, call.Name);
                AppendAll(text, '(', call.Arguments, ')');
                break;
            case Cast cast:
                Append(text.Append("CAST("), cast.Value);
                text.Append(" AS ").Append(cast.Type.Name).Append(')');
                break;
            case TypeHint hint:
                TypeNameText.Append(text.Append('('), hint.Type);
                AppendOperand(text.Append(") "), hint.Value, isInParentheses: hint.Value is Arithmetic or Negation);
                break;
            case ListLiteral list:
                AppendAll(text, '[', list.Elements, ']');
                break;
            case SetLiteral set:
                AppendAll(text, '{', set.Elements, '}');
                break;
            case TupleLiteral tuple:
                AppendAll(text, '(', tuple.Elements, ')');
                break;
            case MapLiteral map:
                AppendMap(text, map);
                break;
            case UserTypeLiteral literal:
                AppendUserType(text, literal);
                break;
            case Arithmetic arithmetic:
                AppendArithmetic(text, arithmetic);
                break;
            case Negation negation:
                AppendOperand(text.Append("- "), negation.Operand, isInParentheses: negation.Operand is Arithmetic);
                break;
            default:
                AppendOfSelector(text, term);
                break;
        }
    }

    /// <summary>The name of a function: words that are never called are quoted.</summary>
    public static void AppendFunctionName(StringBuilder text, QualifiedName name)
    {
        text.AppendKeyspace(name.Keyspace);
        AppendFunctionName(text, name.Name);
    }

    /// <summary>The name of a function without a keyspace.</summary>
    public static void AppendFunctionName(StringBuilder text, string name) => text.Append(
        name is "token" ? name : CqlKeywords.NeverCalled.Contains(name) ? CqlText.QuotedName(name) : CqlText.Name(name));

    private static void AppendOfSelector(StringBuilder text, Term term)
    {
        switch (term)
        {
            case ColumnTerm column:
                // As the first selector, the words "json" and "distinct" could be read as keywords; "as" could behind parentheses.
                text.Append(column.Name is "json" or "distinct" or "as" ? CqlText.QuotedName(column.Name) : CqlText.Name(column.Name));
                break;
            case FieldTerm field:
                AppendOperand(text, field.Value, IsInParenthesesBeforeModifier(field.Value));
                // Directly behind digits, the point would be one of a number.
                text.Append(field.Value is Literal ? " ." : ".").AppendName(field.Field);
                break;
            case ElementTerm element:
                AppendOperand(text, element.Collection, IsInParenthesesBeforeModifier(element.Collection));
                Append(text.Append('['), element.Key);
                text.Append(']');
                break;
            case SliceTerm slice:
                AppendSlice(text, slice);
                break;
            case CountRows:
                text.Append("count(*)");
                break;
            case WriteTimeTerm time:
                Append(text.Append("writetime("), time.Column);
                text.Append(')');
                break;
            case TimeToLiveTerm time:
                Append(text.Append("ttl("), time.Column);
                text.Append(')');
                break;
            default:
                throw new UnreachableException(term.GetType().Name);
        }
    }

    private static void AppendSlice(StringBuilder text, SliceTerm slice)
    {
        AppendOperand(text, slice.Collection, IsInParenthesesBeforeModifier(slice.Collection));
        text.Append('[');
        if (slice.From is { } from)
        {
            Append(text, from);
            text.Append(' '); // "1." and ".." next to each other would still be told apart, but not by people
        }

        text.Append("..");
        if (slice.To is { } to)
        {
            Append(text.Append(' '), to);
        }

        text.Append(']');
    }

    private static bool IsInParenthesesBeforeModifier(Term term) => term is Arithmetic or Negation;

    private static void AppendArithmetic(StringBuilder text, Arithmetic arithmetic)
    {
        var binding = Binding(arithmetic.Operator);
        AppendOperand(text, arithmetic.Left, arithmetic.Left is Arithmetic left && Binding(left.Operator) < binding);
        text.Append(arithmetic.Operator switch
        {
            ArithmeticOperator.Add => " + ",
            ArithmeticOperator.Subtract => " - ",
            ArithmeticOperator.Multiply => " * ",
            ArithmeticOperator.Divide => " / ",
            ArithmeticOperator.Modulo => " % ",
            _ => throw new UnreachableException(),
        });
        AppendOperand(text, arithmetic.Right, arithmetic.Right is Arithmetic right && Binding(right.Operator) <= binding);
    }

    private static int Binding(ArithmeticOperator operation) => operation is ArithmeticOperator.Add or ArithmeticOperator.Subtract ? 1 : 2;

    private static void AppendOperand(StringBuilder text, Term term, bool isInParentheses)
    {
        if (!isInParentheses)
        {
            Append(text, term);
            return;
        }

        Append(text.Append('('), term);
        text.Append(')');
    }

    private static void AppendMap(StringBuilder text, MapLiteral map)
    {
        text.Append('{');
        text.AppendAll(map.Entries, ", ", entry =>
        {
            Append(text, entry.Key);
            Append(text.Append(": "), entry.Value);
        }).Append('}');
    }

    private static void AppendUserType(StringBuilder text, UserTypeLiteral literal)
    {
        text.Append('{');
        text.AppendAll(literal.Fields, ", ", field => Append(text.AppendName(field.Name).Append(": "), field.Value)).Append('}');
    }

    private static void AppendAll(StringBuilder text, char open, SyntaxList<Term> terms, char close)
    {
        text.Append(open);
        text.AppendAll(terms, ", ", term => Append(text, term)).Append(close);
    }
}
