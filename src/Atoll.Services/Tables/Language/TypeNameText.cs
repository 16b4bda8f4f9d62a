using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Types as CQL.</summary>
internal static class TypeNameText
{
    public static void Append(StringBuilder text, TypeName type)
    {
        switch (type)
        {
            case NativeTypeName native:
                text.Append(native.Name);
                break;
            case ListTypeName list:
                AppendParameters(text, "list", [list.Element]);
                break;
            case SetTypeName set:
                AppendParameters(text, "set", [set.Element]);
                break;
            case MapTypeName map:
                AppendParameters(text, "map", [map.Key, map.Value]);
                break;
            case TupleTypeName tuple:
                AppendParameters(text, "tuple", tuple.Elements);
                break;
            case FrozenTypeName frozen:
                AppendParameters(text, "frozen", [frozen.Inner]);
                break;
            case UserTypeName user:
                AppendUserTypeName(text, user.Name);
                break;
            case CustomTypeName custom:
                text.Append(CqlText.String(custom.ClassName));
                break;
            default:
                throw new UnreachableException(type.GetType().Name);
        }
    }

    /// <summary>The name of a user type: one that a native type has too is quoted, and so are words that are no types' names.</summary>
    public static void AppendUserTypeName(StringBuilder text, QualifiedName name)
    {
        text.AppendKeyspace(name.Keyspace);
        var isTaken = CqlKeywords.NativeTypes.Contains(name.Name) || name.Name == "count"
            || (CqlKeywords.NeverCalled.Contains(name.Name) && name.Name != "key");
        text.Append(isTaken ? CqlText.QuotedName(name.Name) : CqlText.Name(name.Name));
    }

    private static void AppendParameters(StringBuilder text, string name, SyntaxList<TypeName> parameters)
    {
        text.Append(name).Append('<');
        text.AppendAll(parameters, ", ", parameter => Append(text, parameter)).Append('>');
    }
}
