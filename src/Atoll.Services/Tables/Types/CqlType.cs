using System.Collections.Immutable;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// A type of CQL. A value of it is its serialization in the native protocol, version 3 and later; null is the absence of bytes. Two types
/// are equal when they are the same type with the same parts; <see cref="object.ToString"/> is the type's name in CQL.
/// </summary>
/// <param name="IsFrozen">
/// Whether a value is stored as a whole (one cell). A list, set, map or user type that isn't frozen has a cell for each element, which
/// can be written alone.
/// </param>
public abstract record CqlType(bool IsFrozen)
{
    /// <summary>Which of CQL's types.</summary>
    public abstract CqlTypeCode Code { get; }

    /// <summary>Whether a column of the type has a cell for each element or field.</summary>
    public bool IsMultiCell => !IsFrozen;

    /// <summary>Whether it is a list, a set or a map.</summary>
    public bool IsCollection => Code is CqlTypeCode.List or CqlTypeCode.Set or CqlTypeCode.Map;

    /// <summary>The same type stored as a whole, at every level.</summary>
    public virtual CqlType Freeze() => this;

    /// <summary>The type's name with "frozen" said where it must be said in a column's definition.</summary>
    public sealed override string ToString() => ToString(withFrozen: true);

    /// <summary>The type's name; without "frozen" at this level when not asked for.</summary>
    public abstract string ToString(bool withFrozen);

    private protected static string Frozen(bool isFrozen, bool withFrozen, string name) =>
        isFrozen && withFrozen ? $"frozen<{name}>" : name;

    private protected static bool SameElements<T>(ImmutableArray<T> left, ImmutableArray<T> right) =>
        left.AsSpan().SequenceEqual(right.AsSpan());
}

/// <summary>A type without parts; the instances are on <see cref="CqlTypes"/>.</summary>
public sealed record NativeType : CqlType
{
    private readonly string _name;

    internal NativeType(CqlTypeCode code, string name) : base(true)
    {
        Code = code;
        _name = name;
    }

    /// <inheritdoc />
    public override CqlTypeCode Code { get; }

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => _name;
}

/// <summary>A list.</summary>
/// <param name="Element">The type of its elements.</param>
/// <param name="IsFrozen">Whether it is stored as a whole.</param>
public sealed record ListType(CqlType Element, bool IsFrozen) : CqlType(IsFrozen)
{
    /// <inheritdoc />
    public override CqlTypeCode Code => CqlTypeCode.List;

    /// <inheritdoc />
    public override CqlType Freeze() => new ListType(Element.Freeze(), true);

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => Frozen(IsFrozen, withFrozen, $"list<{Element}>");
}

/// <summary>A set.</summary>
/// <param name="Element">The type of its elements.</param>
/// <param name="IsFrozen">Whether it is stored as a whole.</param>
public sealed record SetType(CqlType Element, bool IsFrozen) : CqlType(IsFrozen)
{
    /// <inheritdoc />
    public override CqlTypeCode Code => CqlTypeCode.Set;

    /// <inheritdoc />
    public override CqlType Freeze() => new SetType(Element.Freeze(), true);

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => Frozen(IsFrozen, withFrozen, $"set<{Element}>");
}

/// <summary>A map.</summary>
/// <param name="Key">The type of its keys.</param>
/// <param name="Value">The type of its values.</param>
/// <param name="IsFrozen">Whether it is stored as a whole.</param>
public sealed record MapType(CqlType Key, CqlType Value, bool IsFrozen) : CqlType(IsFrozen)
{
    /// <inheritdoc />
    public override CqlTypeCode Code => CqlTypeCode.Map;

    /// <inheritdoc />
    public override CqlType Freeze() => new MapType(Key.Freeze(), Value.Freeze(), true);

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => Frozen(IsFrozen, withFrozen, $"map<{Key}, {Value}>");
}

/// <summary>A tuple: always stored as a whole.</summary>
/// <param name="Elements">The types of its fields.</param>
public sealed record TupleType(ImmutableArray<CqlType> Elements) : CqlType(true)
{
    /// <inheritdoc />
    public override CqlTypeCode Code => CqlTypeCode.Tuple;

    /// <inheritdoc />
    public override CqlType Freeze() => new TupleType([.. Elements.Select(element => element.Freeze())]);

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => Frozen(true, withFrozen, $"tuple<{string.Join(", ", Elements)}>");

    /// <summary>Whether it has the same fields.</summary>
    public bool Equals(TupleType? other) => other is not null && SameElements(Elements, other.Elements);

    /// <inheritdoc />
    public override int GetHashCode() => Elements.Aggregate(31, (hash, element) => HashCode.Combine(hash, element));
}

/// <summary>A field of a user-defined type.</summary>
/// <param name="Name">Its name, as it is in the schema.</param>
/// <param name="Type">Its type.</param>
public sealed record UserTypeField(string Name, CqlType Type);

/// <summary>A user-defined type as it is in the schema, or a frozen use of it.</summary>
/// <param name="Keyspace">The keyspace that it is defined in.</param>
/// <param name="Name">Its name.</param>
/// <param name="Fields">Its fields, in the order of their definition.</param>
/// <param name="IsFrozen">Whether a column stores it as a whole.</param>
public sealed record UserType(string Keyspace, string Name, ImmutableArray<UserTypeField> Fields, bool IsFrozen) : CqlType(IsFrozen)
{
    /// <inheritdoc />
    public override CqlTypeCode Code => CqlTypeCode.UserType;

    /// <inheritdoc />
    public override CqlType Freeze() => IsFrozen ? this : this with { IsFrozen = true };

    /// <summary>The position of a field, or -1.</summary>
    public int IndexOf(string field)
    {
        for (var index = 0; index < Fields.Length; index++)
        {
            if (Fields[index].Name == field)
            {
                return index;
            }
        }

        return -1;
    }

    /// <inheritdoc />
    public override string ToString(bool withFrozen) => Frozen(IsFrozen, withFrozen, CqlNames.Quote(Name));

    /// <summary>Whether it is the same type of the same keyspace, with the same fields.</summary>
    public bool Equals(UserType? other) =>
        other is not null && Keyspace == other.Keyspace && Name == other.Name && IsFrozen == other.IsFrozen
        && SameElements(Fields, other.Fields);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Keyspace, Name, Fields.Length, IsFrozen);
}
