using System.Collections.Frozen;
using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>
/// Types as [option] (native protocol, section 4.2.5.2): an id, and the parts of those that have parts. Types that came into the protocol
/// later than the version in use are sent as custom ones, by the names of the classes that drivers know them by. Whether a type is frozen
/// is not said: what is read is not.
/// </summary>
public static class TypeOption
{
    private const int DepthMax = 32;
    private const string ClassPrefix = "org.apache.cassandra.db.marshal.";

    // What has no id before which version, and the class that stands for it.
    private static readonly (CqlTypeCode Code, CqlVersion Since, string Class)[] Later =
    [
        (CqlTypeCode.Date, CqlVersion.V4, "SimpleDateType"),
        (CqlTypeCode.Time, CqlVersion.V4, "TimeType"),
        (CqlTypeCode.Smallint, CqlVersion.V4, "ShortType"),
        (CqlTypeCode.Tinyint, CqlVersion.V4, "ByteType"),
        (CqlTypeCode.Duration, CqlVersion.V5, "DurationType"),
    ];

    private static readonly FrozenDictionary<CqlTypeCode, NativeType> Native = new NativeType[]
    {
        CqlTypes.Ascii, CqlTypes.Bigint, CqlTypes.Blob, CqlTypes.Boolean, CqlTypes.Counter, CqlTypes.Decimal, CqlTypes.Double,
        CqlTypes.Float, CqlTypes.Int, CqlTypes.Timestamp, CqlTypes.Uuid, CqlTypes.Text, CqlTypes.Varint, CqlTypes.Timeuuid,
        CqlTypes.Inet, CqlTypes.Date, CqlTypes.Time, CqlTypes.Smallint, CqlTypes.Tinyint, CqlTypes.Duration,
    }.ToFrozenDictionary(type => type.Code);

    /// <summary>Appends a type.</summary>
    public static void Write(WireWriter writer, CqlVersion version, CqlType type)
    {
        foreach (var (code, since, name) in Later)
        {
            if (type.Code == code && version < since)
            {
                writer.WriteShort((ushort)CqlTypeCode.Custom);
                writer.WriteShortString(ClassPrefix + name);
                return;
            }
        }

        writer.WriteShort((ushort)type.Code);
        switch (type)
        {
            case ListType list:
                Write(writer, version, list.Element);
                break;
            case SetType set:
                Write(writer, version, set.Element);
                break;
            case MapType map:
                Write(writer, version, map.Key);
                Write(writer, version, map.Value);
                break;
            case TupleType tuple:
                writer.WriteShort((ushort)tuple.Elements.Length);
                foreach (var element in tuple.Elements)
                {
                    Write(writer, version, element);
                }

                break;
            case UserType user:
                writer.WriteShortString(user.Keyspace);
                writer.WriteShortString(user.Name);
                writer.WriteShort((ushort)user.Fields.Length);
                foreach (var field in user.Fields)
                {
                    writer.WriteShortString(field.Name);
                    Write(writer, version, field.Type);
                }

                break;
            default:
                break; // its code says all
        }
    }

    /// <summary>Reads a type; what is none, or is nested too deeply, makes the input bad.</summary>
    public static CqlType Read(ref CqlReader reader) => Read(ref reader, DepthMax);

    private static CqlType Read(ref CqlReader reader, int depthLeft)
    {
        var code = (CqlTypeCode)reader.ReadShort();
        if (depthLeft == 0 || !reader.Ok)
        {
            reader.Fail();
            return CqlTypes.Blob;
        }

        switch (code)
        {
            case CqlTypeCode.Custom:
                return ReadCustom(ref reader);
            case CqlTypeCode.List:
                return new ListType(Read(ref reader, depthLeft - 1), false);
            case CqlTypeCode.Set:
                return new SetType(Read(ref reader, depthLeft - 1), false);
            case CqlTypeCode.Map:
                var key = Read(ref reader, depthLeft - 1);
                return new MapType(key, Read(ref reader, depthLeft - 1), false);
            case CqlTypeCode.Tuple:
                var elements = ImmutableArray.CreateBuilder<CqlType>();
                for (var left = reader.ReadShortCount(2); left > 0 && reader.Ok; left--)
                {
                    elements.Add(Read(ref reader, depthLeft - 1));
                }

                return new TupleType(elements.ToImmutable());
            case CqlTypeCode.UserType:
                return ReadUserType(ref reader, depthLeft);
            default:
                if (!Native.TryGetValue(code, out var native))
                {
                    reader.Fail();
                }

                return native ?? CqlTypes.Blob;
        }
    }

    private static UserType ReadUserType(ref CqlReader reader, int depthLeft)
    {
        var keyspace = reader.ReadString();
        var name = reader.ReadString();
        var fields = ImmutableArray.CreateBuilder<UserTypeField>();
        for (var left = reader.ReadShortCount(4); left > 0 && reader.Ok; left--)
        {
            fields.Add(new UserTypeField(reader.ReadString(), Read(ref reader, depthLeft - 1)));
        }

        return new UserType(keyspace, name, fields.ToImmutable(), false);
    }

    private static CqlType ReadCustom(ref CqlReader reader)
    {
        var name = reader.ReadString();
        foreach (var (code, _, known) in Later)
        {
            if (name == ClassPrefix + known)
            {
                return Native[code];
            }
        }

        reader.Fail();
        return CqlTypes.Blob;
    }
}
