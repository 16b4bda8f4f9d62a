using Atoll.Kernel.Eventual;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>Executes statements that change the schema, and gives tables their spaces.</summary>
/// <param name="catalog">The schema.</param>
/// <param name="shards">The rows.</param>
/// <param name="options">What is chosen for all tables.</param>
/// <param name="newId">Gives tables their identities.</param>
/// <param name="time">The clock.</param>
internal sealed class SchemaStatements(
    SchemaCatalog catalog, IRowShards shards, TablesOptions options, Func<Guid> newId, TimeProvider time)
{
    /// <summary>Executes a statement; null when it is none that changes the schema.</summary>
    /// <exception cref="CqlException">The change is not possible.</exception>
    public async ValueTask<StatementResult?> TryExecuteAsync(
        Statement statement, string? keyspace, CancellationToken cancellationToken)
    {
        var regions = statement is CreateKeyspaceStatement or AlterKeyspaceStatement
            ? await shards.RegionsAsync(cancellationToken).ConfigureAwait(false) : [];
        if (Edit(statement, keyspace, catalog.Schema, regions) is not { } edit)
        {
            return null;
        }

        var (before, after) = await catalog.ChangeAsync(edit, cancellationToken).ConfigureAwait(false);
        if (ReferenceEquals(before, after))
        {
            return VoidResult.Instance;
        }

        // The schema says what is there. What fails from here on leaves a table whose space is made when it is first used, or a space that
        // nothing refers to any more.
        foreach (var table in TablesOnlyIn(after, before))
        {
            await CreateSpaceAsync(after!, table, cancellationToken).ConfigureAwait(false);
        }

        foreach (var table in TablesOnlyIn(before, after))
        {
            await shards.DropAsync(table.SpaceName, cancellationToken).ConfigureAwait(false);
        }

        return new SchemaChangeResult(edit.Change) { Warnings = Warnings(before, after, edit.Change) };
    }

    /// <summary>Makes a table's space when there is none.</summary>
    public async ValueTask CreateSpaceAsync(KeyspaceDefinition keyspace, TableDefinition table, CancellationToken cancellationToken)
    {
        var replicas = Replicas(keyspace);
        var space = new RowSpaceOptions(
            table.SpaceName, replicas, options.ShardsPerTable, keyspace.FaultModel, KeyspaceChanges.RegionsOf(keyspace, replicas));
        try
        {
            await shards.CreateAsync(space, cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error) when (error.Code == ErrorCode.SpaceExists)
        {
            // Made by a node with other settings: the name is the table's own, so that it is the table's all the same.
        }

        if (space.FaultModel == FaultModel.Eventual)
        {
            await NewReplicas.WaitAsync(
                (level, timeout) => ReadAllAsync(space.Table, level, timeout, cancellationToken), time, cancellationToken)
                .ConfigureAwait(false);
        }
    }

    private async ValueTask ReadAllAsync(
        string table, ConsistencyLevel level, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var consistency = StatementConsistency.Read(level == ConsistencyLevel.All ? CqlConsistency.All : CqlConsistency.Quorum);
        var call = consistency with { Timeout = timeout };
        var selection = new RowsSelection { RowsMax = 1 };
        do
        {
            var page = await shards.ReadRangeAsync(
                table, new TokenRangeRead(long.MinValue, long.MaxValue, selection), call, cancellationToken).ConfigureAwait(false);
            selection = selection with { ResumeAfter = page.ResumeAfter };
        }
        while (!selection.ResumeAfter.IsEmpty);
    }

    private int Replicas(KeyspaceDefinition keyspace)
    {
        var wanted = Math.Min(KeyspaceChanges.ReplicationFactor(keyspace), options.ReplicasMax);
        if (keyspace.FaultModel == FaultModel.Eventual)
        {
            return wanted;
        }

        // A majority of an even number is no smaller than that of the next odd one: a copy more costs no latency.
        return wanted switch
        {
            <= 1 => 1,
            <= 3 => options.ReplicasMax < 3 ? 1 : 3,
            <= 5 => options.ReplicasMax < 5 ? 3 : 5,
            _ => 7,
        };
    }

    private static List<string> Warnings(KeyspaceDefinition? before, KeyspaceDefinition? keyspace, SchemaChange change)
    {
        var warnings = new List<string>();
        if (change is { Kind: SchemaChangeKind.Updated, Target: SchemaChangeTarget.Keyspace }
            && before is { Tables.IsEmpty: false } && keyspace is not null && !before.Replication.SequenceEqual(keyspace.Replication))
        {
            warnings.Add("The tables that are there keep the replicas that they have; new ones get what the keyspace says now");
        }

        if (change is { Kind: SchemaChangeKind.Created, Target: SchemaChangeTarget.Keyspace }
            && keyspace is { FaultModel: FaultModel.Strong }
            && KeyspaceChanges.ReplicationFactor(keyspace) % 2 == 0)
        {
            warnings.Add("Tables of strong keyspaces have an odd number of replicas: the replication factor "
                + $"{KeyspaceChanges.ReplicationFactor(keyspace)} is taken for the next odd number");
        }

        return warnings;
    }

    private static IEnumerable<TableDefinition> TablesOnlyIn(KeyspaceDefinition? keyspace, KeyspaceDefinition? other) =>
        keyspace is null
            ? []
            : keyspace.Tables.Values.Where(table => other is null || !other.Tables.TryGetValue(table.Name, out var same)
                || same.Id != table.Id);

    private SchemaEdit? Edit(Statement statement, string? keyspace, TableSchema schema, IReadOnlyList<string> regions)
    {
        return statement switch
        {
            CreateKeyspaceStatement create => KeyspaceChanges.Create(create, regions),
            AlterKeyspaceStatement alter => KeyspaceChanges.Alter(alter, regions),
            DropKeyspaceStatement drop => KeyspaceChanges.Drop(drop),
            CreateTableStatement create => TableChanges.Create(In(create.Table), create, newId()),
            AlterTableStatement alter => TableAlterations.Alter(In(alter.Table), alter),
            DropTableStatement drop => TableChanges.Drop(In(drop.Table), drop),
            CreateTypeStatement create => TypeChanges.Create(In(create.Name), create),
            AlterTypeStatement alter => TypeChanges.Alter(In(alter.Name), alter),
            DropTypeStatement drop => TypeChanges.Drop(In(drop.Name), drop),
            CreateIndexStatement create => IndexChanges.Create(In(create.Table), create),
            DropIndexStatement drop => IndexChanges.Drop(In(drop.Index), drop, schema),
            CreateFunctionStatement or CreateAggregateStatement => throw CqlException.Invalid("User-defined functions are not supported"),
            DropFunctionStatement drop when drop.IfExists => Nothing(In(drop.Name)),
            DropFunctionStatement drop => throw CqlException.Invalid($"Function '{In(drop.Name)}.{drop.Name.Name}' doesn't exist"),
            DropAggregateStatement drop when drop.IfExists => Nothing(In(drop.Name)),
            DropAggregateStatement drop => throw CqlException.Invalid($"Aggregate '{In(drop.Name)}.{drop.Name.Name}' doesn't exist"),
            CreateViewStatement or AlterViewStatement => throw CqlException.Invalid("Materialized views are not supported"),
            DropViewStatement drop when drop.IfExists => Nothing(In(drop.View)),
            DropViewStatement drop => throw CqlException.Invalid(
                $"Materialized view '{In(drop.View)}.{drop.View.Name}' doesn't exist"),
            CreateTriggerStatement => throw CqlException.Invalid("Triggers are not supported"),
            DropTriggerStatement drop when drop.IfExists => Nothing(In(drop.Table)),
            DropTriggerStatement drop => throw CqlException.Invalid($"Trigger '{drop.Name}' doesn't exist"),
            _ => null,
        };

        string In(QualifiedName name) => StatementPlanner.KeyspaceOf(name, keyspace);

        static SchemaEdit Nothing(string keyspaceName) => new(
            keyspaceName, existing => existing, new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Keyspace, keyspaceName, ""));
    }
}
