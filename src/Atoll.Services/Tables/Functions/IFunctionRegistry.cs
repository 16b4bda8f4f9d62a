using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// The functions that statements may call, the conversions of CAST and the operators of arithmetic, found by the types of their arguments.
/// Immutable, and thread-safe.
/// </summary>
public interface IFunctionRegistry
{
    /// <summary>
    /// The function (not aggregate) that a call means. Not token(), writetime(), ttl() and count(*), which the executor knows itself.
    /// </summary>
    /// <param name="name">Its name; without a keyspace, or with "system", a built-in one.</param>
    /// <param name="argumentTypes">
    /// The types of the arguments as far as they are known: a bind marker and a literal have none, they fit any
    /// type that the function wants.
    /// </param>
    /// <param name="expected">The type that is wanted of it, if known: it tells functions apart that differ in their return only.</param>
    /// <param name="table">The table of the statement, for functions whose arguments are its partition key; null without one.</param>
    /// <returns>Null when there is none of that name.</returns>
    /// <exception cref="CqlException">There are some, and none (or more than one) fits (<see cref="CqlErrorCode.Invalid"/>).</exception>
    ICqlFunction? FindFunction(
        QualifiedName name, IReadOnlyList<CqlType?> argumentTypes, CqlType? expected, Schema.TableDefinition? table);

    /// <summary>The aggregate that a call means.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="argumentTypes">The types of the arguments as far as they are known.</param>
    /// <returns>Null when there is none of that name.</returns>
    /// <exception cref="CqlException">There are some, and none (or more than one) fits (<see cref="CqlErrorCode.Invalid"/>).</exception>
    ICqlAggregate? FindAggregate(QualifiedName name, IReadOnlyList<CqlType?> argumentTypes);

    /// <summary>The conversion from one type to another.</summary>
    /// <exception cref="CqlException">There is none (<see cref="CqlErrorCode.Invalid"/>).</exception>
    ICqlFunction FindCast(CqlType from, CqlType to);

    /// <summary>The operator for two operands.</summary>
    /// <param name="operation">The operator.</param>
    /// <param name="left">The left operand's type; null when not known.</param>
    /// <param name="right">The right operand's type; null when not known.</param>
    /// <param name="expected">The type that is wanted, if known.</param>
    /// <exception cref="CqlException">There is none (<see cref="CqlErrorCode.Invalid"/>).</exception>
    ICqlFunction FindOperator(ArithmeticOperator operation, CqlType? left, CqlType? right, CqlType? expected);

    /// <summary>The minus before an operand.</summary>
    /// <exception cref="CqlException">There is none (<see cref="CqlErrorCode.Invalid"/>).</exception>
    ICqlFunction FindNegation(CqlType operand);
}

/// <summary>A function of values.</summary>
public interface ICqlFunction
{
    /// <summary>Its name as results show it: "system.now".</summary>
    string Name { get; }

    /// <summary>The types of its arguments.</summary>
    IReadOnlyList<CqlType> ArgumentTypes { get; }

    /// <summary>The type of its value.</summary>
    CqlType ReturnType { get; }

    /// <summary>Its value for arguments that are valid values of their types, or null.</summary>
    /// <exception cref="CqlException">There is none (<see cref="CqlErrorCode.Invalid"/> or <see cref="CqlErrorCode.FunctionFailure"/>).
    /// </exception>
    ReadOnlyMemory<byte>? Invoke(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context);
}

/// <summary>A function of the rows of a group.</summary>
public interface ICqlAggregate
{
    /// <summary>Its name as results show it: "system.max".</summary>
    string Name { get; }

    /// <summary>The types of its arguments.</summary>
    IReadOnlyList<CqlType> ArgumentTypes { get; }

    /// <summary>The type of its value.</summary>
    CqlType ReturnType { get; }

    /// <summary>Begins a group.</summary>
    ICqlAggregation Start();
}

/// <summary>A group that is being aggregated.</summary>
public interface ICqlAggregation
{
    /// <summary>Takes a row's arguments.</summary>
    void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context);

    /// <summary>The value of what was taken so far, which may be nothing.</summary>
    ReadOnlyMemory<byte>? Result(in FunctionContext context);
}

/// <summary>What a function may know beside its arguments.</summary>
/// <param name="NowMilliseconds">The statement's time, in Unix milliseconds: the same for all calls of one statement.</param>
/// <param name="Ids">Gives identities that nobody else gets.</param>
public readonly record struct FunctionContext(long NowMilliseconds, IUuidSource Ids);

/// <summary>New UUIDs. Thread-safe.</summary>
public interface IUuidSource
{
    /// <summary>A random UUID (version 4).</summary>
    Guid NewRandom();

    /// <summary>A UUID of the time (version 1), later than all that it gave before.</summary>
    Guid NewTimeBased();
}
