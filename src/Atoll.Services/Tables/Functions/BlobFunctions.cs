using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>The bytes of a value as a blob, and a blob as the value that has these bytes.</summary>
internal static class BlobFunctions
{
    /// <summary>The functions with their names.</summary>
    public static IEnumerable<(string[] Names, ICqlFunction Function)> All()
    {
        foreach (var code in Enum.GetValues<CqlTypeCode>())
        {
            if (code == CqlTypeCode.Blob || !CqlTypes.TryGet(code, out var type))
            {
                continue;
            }

            string[] names = code == CqlTypeCode.Varchar ? ["text", "varchar"] : [type.ToString()];
            foreach (var name in names)
            {
                yield return ([$"{name}asblob", $"{name}_as_blob"], new NativeFunction(
                    $"{name}asblob", [type], CqlTypes.Blob,
                    static (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) => arguments[0]));
                yield return ([$"blobas{name}", $"blob_as_{name}"], FromBlob($"blobas{name}", type));
            }
        }
    }

    private static NativeFunction FromBlob(string name, NativeType type) => new(
        name, [CqlTypes.Blob], type,
        (IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext _) =>
        {
            if (arguments[0] is { } value && CqlValidation.Error(type, value) is not null)
            {
                throw CqlException.Invalid(
                    $"In call to function system.{name}, value {CqlFormat.Hexadecimal(value.Span)} is not a valid binary representation "
                    + $"for type {type}");
            }

            return arguments[0];
        });
}
