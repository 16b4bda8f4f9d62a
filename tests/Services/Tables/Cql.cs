using Atoll.Services.Directory;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

/// <summary>Tables in memory, and a session that speaks CQL with them; results are text.</summary>
internal sealed class Cql : IDisposable
{
    public Cql(IDocumentStore? store = null, IRowShards? shards = null, TimeProvider? time = null)
    {
        Store = store ?? new MemoryDocuments();
        Shards = shards ?? new InMemoryRowShards(time ?? TimeProvider.System);
        Tables = new TablesService(Store, Shards, time ?? TimeProvider.System, FunctionRegistry.BuiltIn);
        Session = Tables.OpenSession();
    }

    public IDocumentStore Store { get; }

    public IRowShards Shards { get; }

    public TablesService Tables { get; }

    public ITableSession Session { get; }

    /// <summary>Tables with a keyspace "ks", which the session uses.</summary>
    public static async Task<Cql> WithKeyspace(TimeProvider? time = null, params string[] statements)
    {
        var cql = new Cql(time: time);
        await cql.Run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await cql.Run("USE ks");
        foreach (var statement in statements)
        {
            await cql.Run(statement);
        }

        return cql;
    }

    /// <summary>Executes a statement; rows as "1, 'a'; 2, null", anything else in a word.</summary>
    public async Task<string> Run(string query, params ReadOnlyMemory<byte>?[] values) =>
        Text(await Session.ExecuteAsync(query, Options(values)));

    /// <summary>Prepares and executes a statement.</summary>
    public async Task<string> RunPrepared(string query, params ReadOnlyMemory<byte>?[] values) =>
        Text(await Session.ExecuteAsync(await Session.PrepareAsync(query, null), Options(values)));

    /// <summary>Executes a statement that must fail.</summary>
    public async Task<CqlException> Fail(string query, params ReadOnlyMemory<byte>?[] values) =>
        await Assert.ThrowsAsync<CqlException>(async () => await Session.ExecuteAsync(query, Options(values)));

    /// <summary>Executes a statement that must be invalid, and gives its message.</summary>
    public async Task<string> Invalid(string query, params ReadOnlyMemory<byte>?[] values)
    {
        var error = await Fail(query, values);
        Assert.Equal(CqlErrorCode.Invalid, error.Code);
        return error.Message;
    }

    public static StatementOptions Options(params ReadOnlyMemory<byte>?[] values) =>
        StatementOptions.Default with { Values = [.. values.Select(CqlValue.Of)] };

    public static string Text(StatementResult result) => result switch
    {
        VoidResult => "void",
        KeyspaceResult use => $"use {use.Keyspace}",
        SchemaChangeResult change =>
            $"{change.Change.Kind} {change.Change.Target} {change.Change.Keyspace}.{change.Change.Name}".TrimEnd('.'),
        RowsResult rows => string.Join("; ", rows.Rows.Select(row => string.Join(", ", row.Select((value, index) =>
            CqlFormat.Literal(rows.Columns[index].Type, value))))),
        _ => result.ToString(),
    };

    public void Dispose() => Tables.Dispose();
}
