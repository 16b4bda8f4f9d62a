namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>
/// Something that has a value: within WHERE, SET and VALUES it does without columns; the nodes of <c>SelectorTerms.cs</c> occur only in
/// what SELECT returns and groups by.
/// </summary>
public abstract record Term
{
    /// <summary>The term in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>What a literal looks like; which type it becomes depends on where it stands.</summary>
public enum LiteralKind
{
    /// <summary>Text in quotes or between double dollars.</summary>
    String = 0,

    /// <summary>Digits, perhaps with a minus.</summary>
    Integer = 1,

    /// <summary>A number with a point or an exponent, NaN, Infinity or -Infinity.</summary>
    Float = 2,

    /// <summary>true or false.</summary>
    Boolean = 3,

    /// <summary>A UUID.</summary>
    Uuid = 4,

    /// <summary>Bytes as 0x and hexadecimal digits.</summary>
    Blob = 5,

    /// <summary>A duration: 1h30m, P1Y2M, P2W or P0001-02-03T04:05:06.</summary>
    Duration = 6,

    /// <summary>null.</summary>
    Null = 7,
}

/// <summary>A literal.</summary>
/// <param name="Kind">What it looks like.</param>
/// <param name="Text">
/// The content of a string without its quotes; else the text as written, with <c>0x</c> for a blob, in small letters for a boolean;
/// "null" for null.
/// </param>
public sealed record Literal(LiteralKind Kind, string Text) : Term
{
    /// <summary>The literal null.</summary>
    public static readonly Literal Null = new(LiteralKind.Null, "null");

    /// <summary>Whether it is null.</summary>
    public bool IsNull => Kind == LiteralKind.Null;
}

/// <summary>A place for a value that comes with the request: <c>?</c> or <c>:name</c>.</summary>
/// <param name="Index">Its position among all markers of the statement (of the batch, within a batch), from 0.</param>
/// <param name="Name">Its name; null for <c>?</c>.</param>
public sealed record BindMarker(int Index, string? Name) : Term;

/// <summary>A call of a function. <c>count(*)</c> is <see cref="CountRows"/>.</summary>
/// <param name="Name">The function; without a keyspace a built-in one is meant first. Built-in names are in small letters.</param>
/// <param name="Arguments">The arguments.</param>
public sealed record FunctionCall(QualifiedName Name, SyntaxList<Term> Arguments) : Term;

/// <summary>A conversion: <c>CAST(value AS type)</c>.</summary>
/// <param name="Value">What is converted.</param>
/// <param name="Type">The native type to convert to.</param>
public sealed record Cast(Term Value, NativeTypeName Type) : Term;

/// <summary>A type said of a term, which converts nothing: <c>(type) term</c>.</summary>
/// <param name="Type">The type.</param>
/// <param name="Value">The term.</param>
public sealed record TypeHint(TypeName Type, Term Value) : Term;

/// <summary>A list: <c>[a, b]</c>.</summary>
/// <param name="Elements">The elements.</param>
public sealed record ListLiteral(SyntaxList<Term> Elements) : Term;

/// <summary>A set: <c>{a, b}</c>. Without elements it may just as well be an empty map: the receiver's type decides.</summary>
/// <param name="Elements">The elements, as written: neither sorted nor without doubles.</param>
public sealed record SetLiteral(SyntaxList<Term> Elements) : Term;

/// <summary>A map: <c>{k: v}</c>.</summary>
/// <param name="Entries">The entries, as written; at least one.</param>
public sealed record MapLiteral(SyntaxList<MapEntry> Entries) : Term;

/// <summary>An entry of a map literal.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
public sealed record MapEntry(Term Key, Term Value);

/// <summary>
/// A tuple: <c>(a, b)</c>. With one element it may just as well be a term in parentheses: it is a tuple only where a tuple is expected.
/// </summary>
/// <param name="Elements">The elements; at least one.</param>
public sealed record TupleLiteral(SyntaxList<Term> Elements) : Term;

/// <summary>
/// A value of a user type: <c>{field: value}</c>. Among selectors, where a name may be a column, it may just as well be a map with columns
/// as keys: the type decides.
/// </summary>
/// <param name="Fields">The fields that are given, as written; at least one.</param>
public sealed record UserTypeLiteral(SyntaxList<FieldValue> Fields) : Term;

/// <summary>A field of a user type's literal.</summary>
/// <param name="Name">The field.</param>
/// <param name="Value">Its value.</param>
public sealed record FieldValue(string Name, Term Value);

/// <summary>The operators of arithmetic.</summary>
public enum ArithmeticOperator
{
    /// <summary><c>+</c></summary>
    Add = 0,

    /// <summary><c>-</c></summary>
    Subtract = 1,

    /// <summary><c>*</c></summary>
    Multiply = 2,

    /// <summary><c>/</c></summary>
    Divide = 3,

    /// <summary><c>%</c></summary>
    Modulo = 4,
}

/// <summary>Arithmetic with two operands; <c>*</c>, <c>/</c> and <c>%</c> bind tighter, and equal ones go from the left.</summary>
/// <param name="Operator">The operator.</param>
/// <param name="Left">The left operand.</param>
/// <param name="Right">The right operand.</param>
public sealed record Arithmetic(ArithmeticOperator Operator, Term Left, Term Right) : Term;

/// <summary>A minus before a term. A minus directly before a number's digits is part of the literal instead.</summary>
/// <param name="Operand">The term.</param>
public sealed record Negation(Term Operand) : Term;
