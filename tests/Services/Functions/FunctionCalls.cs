using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Language;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tests.Functions;

/// <summary>Calls of built-in functions with values written as "type:text", and results written the same way; null is "null".</summary>
internal static class FunctionCalls
{
    /// <summary>2026-02-03 04:05:06.789 UTC.</summary>
    public const long NowMilliseconds = 1_770_091_506_789;

    public static readonly FunctionContext Context = new(NowMilliseconds, new CountingIds());

    public static FunctionRegistry Registry => FunctionRegistry.BuiltIn;

    public static CqlType Type(string name) => Type(CqlParser.ParseType(name));

    public static (CqlType Type, ReadOnlyMemory<byte>? Value) Value(string typed)
    {
        var colon = typed.IndexOf(':', StringComparison.Ordinal);
        var type = Type(typed[..colon]);
        return (type, typed[(colon + 1)..] == "null" ? (ReadOnlyMemory<byte>?)null : CqlLiterals.Parse(type, typed[(colon + 1)..]));
    }

    public static string Call(string name, params string[] arguments) => Call(name, null, arguments);

    public static string Call(string name, CqlType? expected, params string[] arguments)
    {
        var values = arguments.Select(Value).ToArray();
        var function = Registry.FindFunction(new QualifiedName(null, name), [.. values.Select(value => value.Type)], expected, null);
        return function is null ? "no function" : Invoke(function, values);
    }

    public static string Invoke(ICqlFunction function, params (CqlType Type, ReadOnlyMemory<byte>? Value)[] values) =>
        Show(function.ReturnType, function.Invoke([.. values.Select(value => value.Value)], Context));

    public static string Aggregate(string name, string type, params string[] rows)
    {
        var aggregate = Registry.FindAggregate(new QualifiedName(null, name), [Type(type)])!;
        var group = aggregate.Start();
        foreach (var row in rows)
        {
            group.Add([Value($"{type}:{row}").Value], Context);
        }

        return Show(aggregate.ReturnType, group.Result(Context));
    }

    public static string Show(CqlType type, ReadOnlyMemory<byte>? value)
    {
        if (value is { } some && CqlValidation.Error(type, some) is { } error)
        {
            return $"invalid {type}: {error}";
        }

        return $"{type}:{(value is { } text ? CqlFormat.Text(type, text) : "null")}";
    }

    private static CqlType Type(TypeName name) => name switch
    {
        NativeTypeName native => CqlTypes.TryGet(native.Name, out var type) ? type : throw new ArgumentException(native.Name),
        ListTypeName list => new ListType(Type(list.Element), true),
        SetTypeName set => new SetType(Type(set.Element), true),
        MapTypeName map => new MapType(Type(map.Key), Type(map.Value), true),
        TupleTypeName tuple => new TupleType([.. tuple.Elements.Select(Type)]),
        UserTypeName { Name.Name: "address" } => new UserType(
            "ks", "address", [new UserTypeField("street", CqlTypes.Text), new UserTypeField("No", CqlTypes.Int)], true),
        FrozenTypeName frozen => Type(frozen.Inner),
        _ => throw new ArgumentException(name.ToString()),
    };

    private sealed class CountingIds : IUuidSource
    {
        private long _count;

        public Guid NewRandom() => new(Interlocked.Increment(ref _count) > 0 ? "00112233-4455-4677-8899-aabbccddeeff" : "");

        public Guid NewTimeBased() => new(TimeUuids.ToBytes(TimeUuids.TicksAt(NowMilliseconds), 0x8000010000000001), bigEndian: true);
    }
}
