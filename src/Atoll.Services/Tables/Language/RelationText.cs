using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Relations, conditions and assignments as CQL.</summary>
internal static class RelationText
{
    public static void Append(StringBuilder text, Relation relation)
    {
        switch (relation)
        {
            case ColumnRelation column:
                AppendComparison(text.AppendName(column.Column), column.Operator, column.Value);
                break;
            case InRelation values:
                Append(text.AppendName(values.Column).Append(" IN "), values.Values);
                break;
            case NotNullRelation column:
                text.AppendName(column.Column).Append(" IS NOT NULL");
                break;
            case ElementRelation element:
                TermText.Append(text.AppendName(element.Column).Append('['), element.Key);
                AppendComparison(text.Append(']'), element.Operator, element.Value);
                break;
            case TokenRelation token:
                AppendComparison(text.Append("token(").AppendNames(token.Columns).Append(')'), token.Operator, token.Value);
                break;
            case TupleRelation tuple:
                AppendComparison(text.Append('(').AppendNames(tuple.Columns).Append(')'), tuple.Operator, tuple.Value);
                break;
            case TupleInRelation tuple:
                Append(text.Append('(').AppendNames(tuple.Columns).Append(") IN "), tuple.Values);
                break;
            case IndexExpressionRelation expression:
                TermText.Append(text.Append("expr(").AppendName(expression.Index).Append(", "), expression.Value);
                text.Append(')');
                break;
            default:
                throw new UnreachableException(relation.GetType().Name);
        }
    }

    public static void Append(StringBuilder text, InValues values)
    {
        switch (values)
        {
            case InMarker marker:
                TermText.Append(text, marker.Marker);
                break;
            case InList list:
                text.Append('(');
                text.AppendAll(list.Values, ", ", value => TermText.Append(text, value)).Append(')');
                break;
            default:
                throw new UnreachableException(values.GetType().Name);
        }
    }

    public static void Append(StringBuilder text, ColumnTarget target)
    {
        text.AppendName(target.Column);
        switch (target)
        {
            case ColumnElement element:
                TermText.Append(text.Append('['), element.Key);
                text.Append(']');
                break;
            case ColumnField field:
                text.Append('.').AppendName(field.Field);
                break;
            default:
                break;
        }
    }

    public static void Append(StringBuilder text, Assignment assignment)
    {
        switch (assignment)
        {
            case SetAssignment set:
                Append(text, set.Target);
                TermText.Append(text.Append(" = "), set.Value);
                break;
            case AddAssignment add:
                TermText.Append(text.AppendName(add.Name).Append(" = ").AppendName(add.Name).Append(" + "), add.Value);
                break;
            case SubtractAssignment subtract:
                TermText.Append(text.AppendName(subtract.Name).Append(" = ").AppendName(subtract.Name).Append(" - "), subtract.Value);
                break;
            case PrependAssignment prepend:
                TermText.Append(text.AppendName(prepend.Name).Append(" = "), prepend.Value);
                text.Append(" + ").AppendName(prepend.Name);
                break;
            default:
                throw new UnreachableException(assignment.GetType().Name);
        }
    }

    public static void Append(StringBuilder text, Condition condition)
    {
        Append(text, condition.Target);
        switch (condition)
        {
            case ComparisonCondition comparison:
                AppendComparison(text, comparison.Operator, comparison.Value);
                break;
            case InCondition values:
                Append(text.Append(" IN "), values.Values);
                break;
            default:
                throw new UnreachableException(condition.GetType().Name);
        }
    }

    private static void AppendComparison(StringBuilder text, RelationOperator comparison, Term value)
    {
        text.Append(comparison switch
        {
            RelationOperator.Equal => " = ",
            RelationOperator.Less => " < ",
            RelationOperator.LessOrEqual => " <= ",
            RelationOperator.Greater => " > ",
            RelationOperator.GreaterOrEqual => " >= ",
            RelationOperator.NotEqual => " != ",
            RelationOperator.Contains => " CONTAINS ",
            RelationOperator.ContainsKey => " CONTAINS KEY ",
            RelationOperator.Like => " LIKE ",
            _ => throw new UnreachableException(),
        });
        TermText.Append(text, value);
    }
}
