namespace Atoll.Services.Tables.Schema;

/// <summary>
/// A change of one keyspace, as a function of what it is: it is computed again from the newest keyspace when somebody else was faster.
/// </summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Apply">
/// From the keyspace as it is (null: there is none) to what it becomes (null: none); the same object when nothing changes. Throws a
/// <see cref="CqlException"/> when the change is not possible.
/// </param>
/// <param name="Change">What is reported when something changed.</param>
internal sealed record SchemaEdit(string Keyspace, Func<KeyspaceDefinition?, KeyspaceDefinition?> Apply, SchemaChange Change);

/// <summary>Names of things in a schema.</summary>
internal static class SchemaNames
{
    /// <summary>Characters of a name; Cassandra's files had them in their names, and clients rely on the bound.</summary>
    public const int LengthMax = 48;

    /// <summary>Refuses a name that is empty, too long or has other characters than letters, digits and underscores.</summary>
    public static void Check(string what, string name)
    {
        if (name.Length is 0 or > LengthMax || !name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_'))
        {
            throw CqlException.Invalid(
                $"{what} name must not be empty, more than {LengthMax} characters long, or contain non-alphanumeric-underscore "
                + $"characters (got \"{name}\")");
        }
    }
}
