namespace Atoll.Services.Tables.Schema;

/// <summary>What changed from one set of keyspaces to another, in an order in which a client can follow it.</summary>
internal static class SchemaDifference
{
    public static List<SchemaChange> Between(
        IReadOnlyDictionary<string, KeyspaceDefinition> before, IReadOnlyDictionary<string, KeyspaceDefinition> after)
    {
        var changes = new List<SchemaChange>();
        foreach (var name in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
        {
            var was = before.GetValueOrDefault(name);
            var isNow = after.GetValueOrDefault(name);
            if (ReferenceEquals(was, isNow))
            {
                continue;
            }

            if (isNow is null)
            {
                changes.Add(new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Keyspace, name, ""));
                continue;
            }

            if (was is null)
            {
                changes.Add(new SchemaChange(SchemaChangeKind.Created, SchemaChangeTarget.Keyspace, name, ""));
            }
            else if (!was.Replication.SequenceEqual(isNow.Replication) || was.DurableWrites != isNow.DurableWrites
                || was.FaultModel != isNow.FaultModel || !was.AllowedRegions.AsSpan().SequenceEqual(isNow.AllowedRegions.AsSpan()))
            {
                changes.Add(new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Keyspace, name, ""));
            }

            AddParts(changes, SchemaChangeTarget.Type, name, was?.Types, isNow.Types, (left, right) => left.Type.Equals(right.Type));
            AddParts(changes, SchemaChangeTarget.Table, name, was?.Tables, isNow.Tables, Same);
        }

        return changes;
    }

    private static void AddParts<T>(
        List<SchemaChange> changes, SchemaChangeTarget target, string keyspace, IReadOnlyDictionary<string, T>? before,
        IReadOnlyDictionary<string, T> after, Func<T, T, bool> same)
        where T : class
    {
        foreach (var name in after.Keys.Union(before?.Keys ?? []).Order(StringComparer.Ordinal))
        {
            var was = before?.GetValueOrDefault(name);
            var isNow = after.GetValueOrDefault(name);
            if (was is null || isNow is null || !same(was, isNow))
            {
                var kind = isNow is null ? SchemaChangeKind.Dropped
                    : was is null ? SchemaChangeKind.Created : SchemaChangeKind.Updated;
                changes.Add(new SchemaChange(kind, target, keyspace, name));
            }
        }
    }

    // By bytes: whatever is kept of a table counts.
    private static bool Same(TableDefinition left, TableDefinition right) =>
        ReferenceEquals(left, right) || KeyspaceDocument.EncodeTable(left).AsSpan().SequenceEqual(KeyspaceDocument.EncodeTable(right));
}
