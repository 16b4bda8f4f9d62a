using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>What a function does with its arguments.</summary>
internal delegate ReadOnlyMemory<byte>? FunctionBody(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context);

/// <summary>A built-in function.</summary>
internal sealed class NativeFunction : ICqlFunction
{
    private readonly FunctionBody _body;

    /// <summary>A function that sees its arguments as they are.</summary>
    /// <param name="name">Its name without the keyspace.</param>
    /// <param name="argumentTypes">The types of its arguments.</param>
    /// <param name="returnType">The type of its value.</param>
    /// <param name="body">What it does.</param>
    public NativeFunction(string name, IReadOnlyList<CqlType> argumentTypes, CqlType returnType, FunctionBody body)
    {
        Name = "system." + name;
        ArgumentTypes = argumentTypes;
        ReturnType = returnType;
        _body = body;
    }

    /// <inheritdoc />
    public string Name { get; }

    /// <inheritdoc />
    public IReadOnlyList<CqlType> ArgumentTypes { get; }

    /// <inheritdoc />
    public CqlType ReturnType { get; }

    /// <summary>A function of one argument that is null of null, and of the empty value that most types have.</summary>
    public static NativeFunction OfOne(
        string name, CqlType argumentType, CqlType returnType, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> body)
    {
        var mayBeEmpty = MayBeEmpty(argumentType);
        return new NativeFunction(
            name, [argumentType], returnType,
            (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) =>
                arguments[0] is { } argument && (mayBeEmpty || !argument.IsEmpty) ? body(argument) : null);
    }

    /// <summary>A function of two arguments that is null if one is null or the empty value that most types have.</summary>
    public static NativeFunction OfTwo(
        string name, CqlType left, CqlType right, CqlType returnType,
        Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> body)
    {
        var (leftMayBeEmpty, rightMayBeEmpty) = (MayBeEmpty(left), MayBeEmpty(right));
        return new NativeFunction(
            name, [left, right], returnType,
            (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) =>
                arguments[0] is { } first && (leftMayBeEmpty || !first.IsEmpty)
                && arguments[1] is { } second && (rightMayBeEmpty || !second.IsEmpty)
                    ? body(first, second) : null);
    }

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Invoke(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context) =>
        _body(arguments, context);

    /// <summary>The signature for errors: "system.f : (int, text) -> blob".</summary>
    public override string ToString() => $"{Name} : ({string.Join(", ", ArgumentTypes)}) -> {ReturnType}";

    // No bytes are a text or a blob like any other; of the other types they are no value that could be computed with.
    private static bool MayBeEmpty(CqlType type) => type.Code is CqlTypeCode.Ascii or CqlTypeCode.Varchar or CqlTypeCode.Blob;
}
