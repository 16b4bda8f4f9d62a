using System.Collections.Immutable;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Schema;

/// <summary>CREATE, ALTER and DROP TYPE.</summary>
internal static class TypeChanges
{
    public static SchemaEdit Create(string keyspaceName, CreateTypeStatement statement)
    {
        var name = statement.Name.Name;
        SchemaNames.Check("Type", name);
        return new SchemaEdit(
            keyspaceName,
            existing =>
            {
                var keyspace = existing ?? throw CqlException.Invalid($"Keyspace '{keyspaceName}' doesn't exist");
                if (keyspace.Types.ContainsKey(name))
                {
                    return statement.IfNotExists
                        ? keyspace : throw CqlException.Invalid($"A user type with name '{name}' already exists");
                }

                var fields = ImmutableArray.CreateBuilder<UserTypeField>();
                foreach (var field in statement.Fields)
                {
                    if (fields.Any(other => other.Name == field.Name))
                    {
                        throw CqlException.Invalid($"Duplicate field name '{field.Name}' in type '{name}'");
                    }

                    fields.Add(new UserTypeField(field.Name, FieldType(field.Type, keyspace)));
                }

                return keyspace.With(new UserTypeDefinition(new UserType(keyspaceName, name, fields.ToImmutable(), false)));
            },
            new SchemaChange(SchemaChangeKind.Created, SchemaChangeTarget.Type, keyspaceName, name));
    }

    public static SchemaEdit Alter(string keyspaceName, AlterTypeStatement statement)
    {
        var name = statement.Name.Name;
        return new SchemaEdit(
            keyspaceName,
            existing =>
            {
                if (existing is null || !existing.Types.TryGetValue(name, out var definition))
                {
                    return statement.IfExists ? existing : throw Missing(keyspaceName, name);
                }

                var changed = Apply(definition.Type, statement.Action, existing);
                return ReferenceEquals(changed, definition.Type) ? existing : WithReplaced(existing, changed);
            },
            new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Type, keyspaceName, name));
    }

    public static SchemaEdit Drop(string keyspaceName, DropTypeStatement statement)
    {
        var name = statement.Name.Name;
        return new SchemaEdit(
            keyspaceName,
            existing =>
            {
                if (existing is null || !existing.Types.ContainsKey(name))
                {
                    return statement.IfExists ? existing : throw Missing(keyspaceName, name);
                }

                var types = existing.Types.Values.Where(other => other.Type.Fields.Any(field => Uses(field.Type, name))).ToArray();
                if (types.Length > 0)
                {
                    throw CqlException.Invalid($"Cannot drop user type '{keyspaceName}.{name}' as it is still used by user types "
                        + string.Join(", ", types.Select(type => type.Name)));
                }

                var tables = existing.Tables.Values.Where(table => table.Columns.Any(column => Uses(column.Type, name))).ToArray();
                return tables.Length > 0
                    ? throw CqlException.Invalid($"Cannot drop user type '{keyspaceName}.{name}' as it is still used by tables "
                        + string.Join(", ", tables.Select(table => table.Name)))
                    : existing with { Types = existing.Types.Remove(name) };
            },
            new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Type, keyspaceName, name));
    }

    private static CqlException Missing(string keyspace, string name) => CqlException.Invalid($"Type '{keyspace}.{name}' doesn't exist");

    private static CqlType FieldType(TypeName name, KeyspaceDefinition keyspace)
    {
        var type = TypeResolver.Resolve(name, keyspace);
        return type switch
        {
            { Code: CqlTypeCode.Counter } => throw CqlException.Invalid("A user type cannot contain counters"),
            UserType { IsMultiCell: true } => throw CqlException.Invalid("A user type cannot contain non-frozen UDTs"),
            _ => type,
        };
    }

    private static UserType Apply(UserType type, AlterTypeAction action, KeyspaceDefinition keyspace)
    {
        switch (action)
        {
            case AddField add when type.IndexOf(add.Field.Name) >= 0:
                return add.IfNotExists
                    ? type
                    : throw CqlException.Invalid(
                        $"Cannot add field {add.Field.Name} to type {type.Keyspace}.{type.Name}: "
                        + $"a field with name {add.Field.Name} already exists");
            case AddField add:
                var field = FieldType(add.Field.Type, keyspace);
                if (Uses(field, type.Name) || ReachesBack(field, type.Name, keyspace))
                {
                    throw CqlException.Invalid(
                        $"Cannot add new field {add.Field.Name} of type {field} to user type {type.Keyspace}.{type.Name} as it would "
                        + "create a circular reference");
                }

                return type with { Fields = type.Fields.Add(new UserTypeField(add.Field.Name, field)) };
            case RenameFields rename:
                return rename.Renames.Aggregate(type, (current, pair) => Renamed(current, pair, rename.IfExists));
            default:
                throw CqlException.Invalid("Altering field types is no longer supported");
        }
    }

    private static UserType Renamed(UserType type, Rename rename, bool ifExists)
    {
        var position = type.IndexOf(rename.From);
        if (position < 0)
        {
            return ifExists
                ? type
                : throw CqlException.Invalid($"Unkown field {rename.From} in user type {type.Keyspace}.{type.Name}");
        }

        return type.IndexOf(rename.To) >= 0
            ? throw CqlException.Invalid($"Duplicate field name {rename.To} in type {type.Keyspace}.{type.Name}")
            : type with { Fields = type.Fields.SetItem(position, type.Fields[position] with { Name = rename.To }) };
    }

    private static bool ReachesBack(CqlType type, string name, KeyspaceDefinition keyspace) =>
        keyspace.Types.Values.Any(other => Uses(type, other.Name) && other.Type.Fields.Any(field => Uses(field.Type, name)));

    private static bool Uses(CqlType type, string name) => type switch
    {
        ListType list => Uses(list.Element, name),
        SetType set => Uses(set.Element, name),
        MapType map => Uses(map.Key, name) || Uses(map.Value, name),
        TupleType tuple => tuple.Elements.Any(element => Uses(element, name)),
        UserType user => user.Name == name || user.Fields.Any(field => Uses(field.Type, name)),
        _ => false,
    };

    /// <summary>The keyspace with a type changed wherever it is used.</summary>
    private static KeyspaceDefinition WithReplaced(KeyspaceDefinition keyspace, UserType changed)
    {
        var result = keyspace.With(new UserTypeDefinition(changed));
        foreach (var other in keyspace.Types.Values.Where(other => other.Name != changed.Name))
        {
            var replaced = (UserType)Replaced(other.Type, changed);
            if (!replaced.Equals(other.Type))
            {
                result = result.With(new UserTypeDefinition(replaced));
            }
        }

        foreach (var table in keyspace.Tables.Values.Where(table => table.Columns.Any(column => Uses(column.Type, changed.Name))))
        {
            result = result.With(table.WithColumns(
                table.Columns.Select(column => column with { Type = Replaced(column.Type, changed) })));
        }

        return result;
    }

    private static CqlType Replaced(CqlType type, UserType changed) => type switch
    {
        ListType list => list with { Element = Replaced(list.Element, changed) },
        SetType set => set with { Element = Replaced(set.Element, changed) },
        MapType map => map with { Key = Replaced(map.Key, changed), Value = Replaced(map.Value, changed) },
        TupleType tuple => tuple with { Elements = [.. tuple.Elements.Select(element => Replaced(element, changed))] },
        UserType user when user.Name == changed.Name => changed with { IsFrozen = user.IsFrozen },
        UserType user => user with
        {
            Fields = [.. user.Fields.Select(field => field with { Type = Replaced(field.Type, changed) })],
        },
        _ => type,
    };
}
