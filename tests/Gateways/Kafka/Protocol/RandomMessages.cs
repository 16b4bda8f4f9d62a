using System.Collections;
using System.Reflection;
using Atoll.Foundation.Randomness;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Tests.Kafka.Protocol;

/// <summary>Messages with anything in any field, by reflection: what a codec forgets is not in this.</summary>
internal static class RandomMessages
{
    /// <summary>Fills every property, those that a version lacks too.</summary>
    public static void Fill(object message, Prng random)
    {
        foreach (var property in Properties(message.GetType()))
        {
            var isNullable = new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable
                || Nullable.GetUnderlyingType(property.PropertyType) is not null;
            property.SetValue(message, isNullable && random.NextInt(0, 3) == 0 ? null : Value(property.PropertyType, random));
        }
    }

    /// <summary>The names of the properties in which two messages differ, with the way to them.</summary>
    public static IEnumerable<string> Differences(object? one, object? other, string path = "")
    {
        if (one is null || other is null || one is string || one.GetType().IsValueType)
        {
            var isSame = one is ReadOnlyMemory<byte> bytes && other is ReadOnlyMemory<byte> others
                ? bytes.Span.SequenceEqual(others.Span) : Equals(one, other);
            return isSame ? [] : [path];
        }

        if (one is IList list)
        {
            var others = (IList)other;
            return list.Count != others.Count
                ? [path] : Enumerable.Range(0, list.Count).SelectMany(i => Differences(list[i], others[i], $"{path}[]"));
        }

        return Properties(one.GetType()).SelectMany(property =>
            Differences(property.GetValue(one), property.GetValue(other), $"{path}.{property.Name}"));
    }

    private static PropertyInfo[] Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance);

    private static object Value(Type type, Prng random)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            var items = Array.CreateInstance(type.GetGenericArguments()[0], random.NextInt(0, 3));
            for (var i = 0; i < items.Length; i++)
            {
                items.SetValue(Value(type.GetGenericArguments()[0], random), i);
            }

            return items;
        }

        if (type == typeof(ReadOnlyMemory<byte>))
        {
            return new ReadOnlyMemory<byte>(Bytes(random, random.NextInt(0, 199)));
        }

        return type == typeof(string) ? new string('ü', random.NextInt(0, 2)) + random.NextInt(0, 999)
            : type == typeof(bool) ? random.NextInt(0, 1) == 0
            : type == typeof(sbyte) ? (sbyte)random.NextUInt64()
            : type == typeof(short) ? (short)random.NextUInt64()
            : type == typeof(ushort) ? (ushort)random.NextUInt64()
            : type == typeof(int) ? (int)random.NextUInt64()
            : type == typeof(long) ? (long)random.NextUInt64()
            : type == typeof(double) ? random.NextInt(0, 999) / 8.0
            : type == typeof(Guid) ? new Guid(Bytes(random, 16))
            : type == typeof(KafkaError) ? (KafkaError)random.NextInt(0, 89)
            : Struct(type, random);
    }

    private static object Struct(Type type, Prng random)
    {
        var value = Activator.CreateInstance(type)!;
        Fill(value, random);
        return value;
    }

    private static byte[] Bytes(Prng random, int count)
    {
        var bytes = new byte[count];
        random.Fill(bytes);
        return bytes;
    }
}
