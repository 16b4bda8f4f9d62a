using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>From the names of types to the types, by a schema: user types must exist, and what cannot be combined is refused.</summary>
public static class TypeResolver
{
    private const int DepthMax = 16;

    /// <summary>The type of a column, field or hint.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="keyspace">Where user types are looked up.</param>
    /// <exception cref="CqlException">There is no such type (<see cref="CqlErrorCode.Invalid"/>).</exception>
    public static CqlType Resolve(TypeName name, KeyspaceDefinition keyspace) => Resolve(name, keyspace, 0);

    private static CqlType Resolve(TypeName name, KeyspaceDefinition keyspace, int depth)
    {
        if (depth > DepthMax)
        {
            throw CqlException.Invalid($"Types are nested deeper than {DepthMax} levels");
        }

        switch (name)
        {
            case NativeTypeName native:
                return CqlTypes.TryGet(native.Name, out var type) ? type : throw CqlException.Invalid($"Unknown type {native.Name}");
            case ListTypeName list:
                return new ListType(Element(list.Element, name, keyspace, depth), false);
            case SetTypeName set:
                var element = Element(set.Element, name, keyspace, depth);
                RefuseDuration(element, $"Durations are not allowed inside sets: {name}");
                return new SetType(element, false);
            case MapTypeName map:
                var key = Element(map.Key, name, keyspace, depth);
                RefuseDuration(key, $"Durations are not allowed as map keys: {name}");
                return new MapType(key, Element(map.Value, name, keyspace, depth), false);
            case TupleTypeName tuple:
                return new TupleType([.. tuple.Elements.Select(part => Resolve(part, keyspace, depth + 1) switch
                {
                    { Code: CqlTypeCode.Counter } => throw CqlException.Invalid("Counters are not allowed inside tuples"),
                    var resolved => resolved.Freeze(),
                })]);
            case FrozenTypeName frozen:
                var inner = Resolve(Unfrozen(frozen.Inner), keyspace, depth + 1);
                return inner.IsCollection || inner is UserType or TupleType
                    ? inner.Freeze()
                    : throw CqlException.Invalid(
                        $"frozen<> is only allowed on collections, tuples, and user-defined types (got {inner})");
            case UserTypeName user:
                return Named(user.Name, keyspace);
            case CustomTypeName custom:
                return Custom(custom.ClassName);
            default:
                throw CqlException.Invalid($"Unknown type {name}");
        }
    }

    // What stands within frozen<> is frozen at every level: nothing there needs to say so again.
    private static TypeName Unfrozen(TypeName name) => name switch
    {
        ListTypeName list => new ListTypeName(Wrapped(list.Element)),
        SetTypeName set => new SetTypeName(Wrapped(set.Element)),
        MapTypeName map => new MapTypeName(Wrapped(map.Key), Wrapped(map.Value)),
        FrozenTypeName frozen => Unfrozen(frozen.Inner),
        _ => name,
    };

    private static TypeName Wrapped(TypeName name) =>
        name is ListTypeName or SetTypeName or MapTypeName or UserTypeName or TupleTypeName ? new FrozenTypeName(name) : name;

    private static CqlType Element(TypeName name, TypeName whole, KeyspaceDefinition keyspace, int depth) =>
        Resolve(name, keyspace, depth + 1) switch
        {
            { Code: CqlTypeCode.Counter } => throw CqlException.Invalid($"Counters are not allowed inside collections: {whole}"),
            { IsCollection: true, IsMultiCell: true } =>
                throw CqlException.Invalid($"Non-frozen collections are not allowed inside collections: {whole}"),
            UserType { IsMultiCell: true } => throw CqlException.Invalid($"Non-frozen UDTs are not allowed inside collections: {whole}"),
            var resolved => resolved,
        };

    private static UserType Named(QualifiedName name, KeyspaceDefinition keyspace)
    {
        if (name.Keyspace is { } named && named != keyspace.Name)
        {
            throw CqlException.Invalid(
                $"Statement on keyspace {keyspace.Name} cannot refer to a user type in keyspace {named}; "
                + "user types can only be used in the keyspace they are defined in");
        }

        return keyspace.Types.TryGetValue(name.Name, out var definition)
            ? definition.Type
            : throw CqlException.Invalid($"Unknown type {keyspace.Name}.{name.Name}");
    }

    private static NativeType Custom(string className)
    {
        // Cassandra's own classes by their names: what old tools still write.
        var simple = className[(className.LastIndexOf('.') + 1)..];
        CqlTypeCode? code = simple switch
        {
            "AsciiType" => CqlTypeCode.Ascii,
            "LongType" => CqlTypeCode.Bigint,
            "BytesType" => CqlTypeCode.Blob,
            "BooleanType" => CqlTypeCode.Boolean,
            "CounterColumnType" => CqlTypeCode.Counter,
            "DecimalType" => CqlTypeCode.Decimal,
            "DoubleType" => CqlTypeCode.Double,
            "FloatType" => CqlTypeCode.Float,
            "Int32Type" => CqlTypeCode.Int,
            "TimestampType" or "DateType" => CqlTypeCode.Timestamp,
            "UUIDType" => CqlTypeCode.Uuid,
            "UTF8Type" => CqlTypeCode.Varchar,
            "IntegerType" => CqlTypeCode.Varint,
            "TimeUUIDType" => CqlTypeCode.Timeuuid,
            "InetAddressType" => CqlTypeCode.Inet,
            "SimpleDateType" => CqlTypeCode.Date,
            "TimeType" => CqlTypeCode.Time,
            "ShortType" => CqlTypeCode.Smallint,
            "ByteType" => CqlTypeCode.Tinyint,
            "DurationType" => CqlTypeCode.Duration,
            _ => null,
        };
        return code is { } known && CqlTypes.TryGet(known, out var type)
            ? type
            : throw CqlException.Configuration($"Unable to find abstract-type class '{className}'");
    }

    private static void RefuseDuration(CqlType type, string message)
    {
        if (!CqlComparer.IsOrdered(type))
        {
            throw CqlException.Invalid(message);
        }
    }
}
