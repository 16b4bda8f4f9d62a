using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>
/// A keyspace as bytes. Layout: format (byte), name, fault model (byte), durable writes (byte), replication (map), from the second format
/// on count and allowed regions; count and user types
/// (name; count and fields: name, type); count and tables (name, id of 16 bytes, next column id (varint), count and columns (name, kind,
/// position (varint, 0 for none, else 1 more), order, id (varint), type), options, count and indexes (name, column, target, class,
/// options)).
/// Strings and maps have varint lengths. A type is its code (two bytes), whether it is frozen (byte), and its parts; a user type is its
/// name within the keyspace.
/// </summary>
public static class KeyspaceDocument
{
    // The first format has no allowed regions: it is written where there are none, for nodes one version behind.
    private const byte FirstFormatVersion = 1;
    private const byte FormatVersion = 2;
    private const int CountMax = Limits.RowColumnsMax;
    private const int TypeDepthMax = 32;

    /// <summary>The keyspace as bytes.</summary>
    public static byte[] Encode(KeyspaceDefinition keyspace)
    {
        var writer = new WireWriter(1024);
        writer.WriteByte(keyspace.AllowedRegions.IsEmpty ? FirstFormatVersion : FormatVersion);
        writer.WriteString(keyspace.Name);
        writer.WriteByte((byte)keyspace.FaultModel);
        writer.WriteBool(keyspace.DurableWrites);
        WriteMap(writer, keyspace.Replication);
        if (!keyspace.AllowedRegions.IsEmpty)
        {
            writer.WriteVarint((ulong)keyspace.AllowedRegions.Length);
            foreach (var region in keyspace.AllowedRegions)
            {
                writer.WriteString(region);
            }
        }

        writer.WriteVarint((ulong)keyspace.Types.Count);
        foreach (var (name, definition) in keyspace.Types)
        {
            writer.WriteString(name);
            writer.WriteVarint((ulong)definition.Type.Fields.Length);
            foreach (var field in definition.Type.Fields)
            {
                writer.WriteString(field.Name);
                WriteType(writer, field.Type);
            }
        }

        writer.WriteVarint((ulong)keyspace.Tables.Count);
        foreach (var table in keyspace.Tables.Values)
        {
            WriteTable(writer, table);
        }

        return writer.ToArray();
    }

    /// <summary>Reads a keyspace.</summary>
    /// <returns>False when the bytes are none.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, out KeyspaceDefinition? keyspace)
    {
        keyspace = null;
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        var name = reader.ReadString();
        var faultModel = (FaultModel)reader.ReadByte();
        var durableWrites = reader.ReadBool();
        var replication = ReadMap(ref reader);
        var allowedRegions = ImmutableArray.CreateBuilder<string>();
        for (var left = version == FormatVersion ? reader.ReadCount(SpaceRegions.RegionsMax) : 0; left > 0 && reader.Ok; left--)
        {
            allowedRegions.Add(reader.ReadString());
        }

        var types = new UserTypes(name);
        for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
        {
            types.Read(ref reader);
        }

        var resolved = ImmutableSortedDictionary.CreateBuilder<string, UserTypeDefinition>(StringComparer.Ordinal);
        var isResolved = reader.Ok && types.TryResolve(resolved);
        if (version is not (FirstFormatVersion or FormatVersion) || !isResolved
            || faultModel is not (FaultModel.Strong or FaultModel.Eventual))
        {
            return false;
        }

        var tables = ImmutableSortedDictionary.CreateBuilder<string, TableDefinition>(StringComparer.Ordinal);
        for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
        {
            if (ReadTable(ref reader, name, resolved) is { } table)
            {
                tables[table.Name] = table;
            }
        }

        keyspace = new KeyspaceDefinition
        {
            Name = name,
            Replication = replication,
            FaultModel = faultModel,
            DurableWrites = durableWrites,
            AllowedRegions = allowedRegions.ToImmutable(),
            Types = resolved.ToImmutable(),
            Tables = tables.ToImmutable(),
        };
        return reader.OkAtEnd;
    }

    /// <summary>A table's part of its keyspace's bytes: tables with the same bytes are the same but for their user types' fields.</summary>
    internal static byte[] EncodeTable(TableDefinition table)
    {
        var writer = new WireWriter(1024);
        WriteTable(writer, table);
        return writer.ToArray();
    }

    private static void WriteTable(WireWriter writer, TableDefinition table)
    {
        writer.WriteString(table.Name);
        writer.WriteRaw(table.Id.ToByteArray(bigEndian: true));
        writer.WriteVarint(table.NextColumnId);
        writer.WriteVarint((ulong)table.Columns.Length);
        foreach (var column in table.Columns)
        {
            writer.WriteString(column.Name);
            writer.WriteByte((byte)column.Kind);
            writer.WriteVarint((ulong)(column.Position + 1));
            writer.WriteByte((byte)column.Order);
            writer.WriteVarint(column.Id);
            WriteType(writer, column.Type);
        }

        var options = table.Options;
        writer.WriteString(options.Comment);
        writer.WriteVarint((ulong)options.DefaultTimeToLiveSeconds);
        writer.WriteVarint((ulong)options.GcGraceSeconds);
        writer.WriteUInt64(BitConverter.DoubleToUInt64Bits(options.BloomFilterFalsePositiveChance));
        writer.WriteUInt64(BitConverter.DoubleToUInt64Bits(options.CrcCheckChance));
        writer.WriteVarint((ulong)options.MinIndexInterval);
        writer.WriteVarint((ulong)options.MaxIndexInterval);
        writer.WriteVarint((ulong)options.MemtableFlushPeriodMs);
        writer.WriteString(options.SpeculativeRetry);
        writer.WriteString(options.AdditionalWritePolicy);
        writer.WriteString(options.ReadRepair);
        writer.WriteBool(options.Cdc);
        WriteMap(writer, options.Caching);
        WriteMap(writer, options.Compaction);
        WriteMap(writer, options.Compression);
        writer.WriteVarint((ulong)table.Indexes.Length);
        foreach (var index in table.Indexes)
        {
            writer.WriteString(index.Name);
            writer.WriteString(index.Column);
            writer.WriteByte((byte)index.Target);
            writer.WriteString(index.CustomClass ?? "");
            WriteMap(writer, index.Options);
        }
    }

    private static TableDefinition? ReadTable(
        ref WireReader reader, string keyspace, IReadOnlyDictionary<string, UserTypeDefinition> types)
    {
        var name = reader.ReadString();
        var idBytes = reader.ReadRaw(16);
        var nextColumnId = reader.ReadVarint();
        var columns = new List<ColumnDefinition>();
        for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
        {
            var column = reader.ReadString();
            var kind = (ColumnKind)reader.ReadByte();
            var position = reader.ReadCount(CountMax) - 1;
            var order = (ClusteringOrder)reader.ReadByte();
            var columnId = reader.ReadVarint();
            var type = ReadType(ref reader, types, 0);
            if (kind > ColumnKind.Regular || order > ClusteringOrder.Descending || columnId >= nextColumnId
                || columns.Exists(other => other.Name == column || other.Id == columnId))
            {
                reader.Fail();
            }

            columns.Add(new ColumnDefinition(column, type, kind, position, order, (uint)columnId));
        }

        var options = new TableOptions
        {
            Comment = reader.ReadString(),
            DefaultTimeToLiveSeconds = reader.ReadCount(int.MaxValue),
            GcGraceSeconds = reader.ReadCount(int.MaxValue),
            BloomFilterFalsePositiveChance = BitConverter.UInt64BitsToDouble(reader.ReadUInt64()),
            CrcCheckChance = BitConverter.UInt64BitsToDouble(reader.ReadUInt64()),
            MinIndexInterval = reader.ReadCount(int.MaxValue),
            MaxIndexInterval = reader.ReadCount(int.MaxValue),
            MemtableFlushPeriodMs = reader.ReadCount(int.MaxValue),
            SpeculativeRetry = reader.ReadString(),
            AdditionalWritePolicy = reader.ReadString(),
            ReadRepair = reader.ReadString(),
            Cdc = reader.ReadBool(),
            Caching = ReadMap(ref reader),
            Compaction = ReadMap(ref reader),
            Compression = ReadMap(ref reader),
        };
        var indexes = new List<IndexDefinition>();
        for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
        {
            var index = reader.ReadString();
            var column = reader.ReadString();
            var target = (IndexTarget)reader.ReadByte();
            var custom = reader.ReadString();
            indexes.Add(new IndexDefinition(index, column, target, custom.Length == 0 ? null : custom, ReadMap(ref reader)));
        }

        if (!reader.Ok || nextColumnId > uint.MaxValue || !columns.Exists(column => column.Kind == ColumnKind.PartitionKey))
        {
            reader.Fail();
            return null;
        }

        return new TableDefinition(keyspace, name, new Guid(idBytes.Span, bigEndian: true), columns)
            .WithOptions(options).WithIndexes(indexes).WithNextColumnId((uint)nextColumnId);
    }

    private static void WriteMap(WireWriter writer, ImmutableSortedDictionary<string, string> map)
    {
        writer.WriteVarint((ulong)map.Count);
        foreach (var (key, value) in map)
        {
            writer.WriteString(key);
            writer.WriteString(value);
        }
    }

    private static ImmutableSortedDictionary<string, string> ReadMap(ref WireReader reader)
    {
        var map = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
        {
            var key = reader.ReadString();
            map[key] = reader.ReadString();
        }

        return map.ToImmutable();
    }

    private static void WriteType(WireWriter writer, CqlType type)
    {
        writer.WriteUInt16((ushort)type.Code);
        writer.WriteBool(type.IsFrozen);
        switch (type)
        {
            case ListType list:
                WriteType(writer, list.Element);
                break;
            case SetType set:
                WriteType(writer, set.Element);
                break;
            case MapType map:
                WriteType(writer, map.Key);
                WriteType(writer, map.Value);
                break;
            case TupleType tuple:
                writer.WriteVarint((ulong)tuple.Elements.Length);
                foreach (var element in tuple.Elements)
                {
                    WriteType(writer, element);
                }

                break;
            case UserType user:
                writer.WriteString(user.Name);
                break;
        }
    }

    private static CqlType ReadType(ref WireReader reader, IReadOnlyDictionary<string, UserTypeDefinition> types, int depth)
    {
        var code = (CqlTypeCode)reader.ReadUInt16();
        var isFrozen = reader.ReadBool();
        if (!reader.Ok || depth > TypeDepthMax)
        {
            reader.Fail();
            return CqlTypes.Blob;
        }

        switch (code)
        {
            case CqlTypeCode.List:
                return new ListType(ReadType(ref reader, types, depth + 1), isFrozen);
            case CqlTypeCode.Set:
                return new SetType(ReadType(ref reader, types, depth + 1), isFrozen);
            case CqlTypeCode.Map:
                return new MapType(ReadType(ref reader, types, depth + 1), ReadType(ref reader, types, depth + 1), isFrozen);
            case CqlTypeCode.Tuple:
                var elements = ImmutableArray.CreateBuilder<CqlType>();
                for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
                {
                    elements.Add(ReadType(ref reader, types, depth + 1));
                }

                return new TupleType(elements.ToImmutable());
            case CqlTypeCode.UserType when types.TryGetValue(reader.ReadString(), out var definition):
                return definition.Type with { IsFrozen = isFrozen };
        }

        if (CqlTypes.TryGet(code, out var native))
        {
            return native;
        }

        reader.Fail();
        return CqlTypes.Blob;
    }

    /// <summary>User types may name each other, whatever order they stand in: their bytes are kept until all names are known.</summary>
    private sealed class UserTypes(string keyspace)
    {
        private readonly SortedDictionary<string, List<(string Name, ReadOnlyMemory<byte> Type)>> _read = new(StringComparer.Ordinal);

        public void Read(ref WireReader reader)
        {
            var name = reader.ReadString();
            var fields = new List<(string, ReadOnlyMemory<byte>)>();
            for (var left = reader.ReadCount(CountMax); left > 0 && reader.Ok; left--)
            {
                var field = reader.ReadString();
                fields.Add((field, SkipType(ref reader, 0)));
            }

            _read[name] = fields;
        }

        public bool TryResolve(IDictionary<string, UserTypeDefinition> resolved) =>
            _read.Keys.All(name => TryResolve(name, resolved, 0));

        private bool TryResolve(string name, IDictionary<string, UserTypeDefinition> resolved, int depth)
        {
            if (resolved.ContainsKey(name))
            {
                return true;
            }

            if (depth > TypeDepthMax || !_read.TryGetValue(name, out var fields))
            {
                return false;
            }

            var types = ImmutableArray.CreateBuilder<UserTypeField>(fields.Count);
            foreach (var (field, bytes) in fields)
            {
                foreach (var used in NamesIn(bytes))
                {
                    if (!TryResolve(used, resolved, depth + 1))
                    {
                        return false;
                    }
                }

                var reader = new WireReader(bytes);
                types.Add(new UserTypeField(field, ReadType(ref reader, (IReadOnlyDictionary<string, UserTypeDefinition>)resolved, 0)));
                if (!reader.OkAtEnd)
                {
                    return false;
                }
            }

            resolved[name] = new UserTypeDefinition(new UserType(keyspace, name, types.ToImmutable(), false));
            return true;
        }

        private static List<string> NamesIn(ReadOnlyMemory<byte> bytes)
        {
            var names = new List<string>();
            var reader = new WireReader(bytes);
            WalkType(ref reader, names, 0);
            return names;
        }

        private static ReadOnlyMemory<byte> SkipType(ref WireReader reader, int depth)
        {
            // The same bytes are read twice: once for their length, once for what they say.
            var names = new List<string>();
            var copy = reader;
            var start = reader.Position;
            WalkType(ref copy, names, depth);
            if (!copy.Ok)
            {
                reader.Fail();
                return default;
            }

            return reader.ReadRaw(copy.Position - start);
        }

        private static void WalkType(ref WireReader reader, List<string> names, int depth)
        {
            var code = (CqlTypeCode)reader.ReadUInt16();
            reader.ReadBool();
            if (!reader.Ok || depth > TypeDepthMax)
            {
                reader.Fail();
                return;
            }

            var parts = code switch
            {
                CqlTypeCode.List or CqlTypeCode.Set => 1,
                CqlTypeCode.Map => 2,
                CqlTypeCode.Tuple => reader.ReadCount(CountMax),
                _ => 0,
            };
            for (; parts > 0 && reader.Ok; parts--)
            {
                WalkType(ref reader, names, depth + 1);
            }

            if (code == CqlTypeCode.UserType)
            {
                names.Add(reader.ReadString());
            }
        }
    }
}
