namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>A type as it was written. What a user type is, the schema knows.</summary>
public abstract record TypeName
{
    /// <summary>The type in CQL: <c>frozen&lt;list&lt;int&gt;&gt;</c>.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>A native type.</summary>
/// <param name="Name">One of <see cref="CqlKeywords.NativeTypes"/>, as written: "varchar" and "text" are the same type.</param>
public sealed record NativeTypeName(string Name) : TypeName;

/// <summary><c>list&lt;T&gt;</c></summary>
/// <param name="Element">The elements' type.</param>
public sealed record ListTypeName(TypeName Element) : TypeName;

/// <summary><c>set&lt;T&gt;</c></summary>
/// <param name="Element">The elements' type.</param>
public sealed record SetTypeName(TypeName Element) : TypeName;

/// <summary><c>map&lt;K, V&gt;</c></summary>
/// <param name="Key">The keys' type.</param>
/// <param name="Value">The values' type.</param>
public sealed record MapTypeName(TypeName Key, TypeName Value) : TypeName;

/// <summary><c>tuple&lt;A, B&gt;</c></summary>
/// <param name="Elements">The elements' types; at least one.</param>
public sealed record TupleTypeName(SyntaxList<TypeName> Elements) : TypeName;

/// <summary><c>frozen&lt;T&gt;</c></summary>
/// <param name="Inner">The type that is frozen.</param>
public sealed record FrozenTypeName(TypeName Inner) : TypeName;

/// <summary>A user type.</summary>
/// <param name="Name">Its name; without a keyspace, it is one of the keyspace in which it is used.</param>
public sealed record UserTypeName(QualifiedName Name) : TypeName;

/// <summary>A type by the name of the Java class that is it in Cassandra, as a string.</summary>
/// <param name="ClassName">The class.</param>
public sealed record CustomTypeName(string ClassName) : TypeName;
