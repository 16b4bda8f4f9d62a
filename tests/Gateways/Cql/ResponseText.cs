using Atoll.Gateways.Cql.Messages;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>What a response says, in one line.</summary>
internal static class ResponseText
{
    public static string Of(CqlResponse response)
    {
        var text = response switch
        {
            ErrorResponse error => $"error 0x{(int)error.Code:x4} \"{error.Message}\"{Details(error.Details)}",
            RowsResponse rows => $"rows {rows.Rows.Count} of ({Columns(rows.Columns)}){(rows.SkipMetadata ? " without columns" : "")}"
                + (rows.PagingState.IsEmpty ? "" : $", more behind {Hex(rows.PagingState)}")
                + (rows.NewMetadataId.IsEmpty ? "" : $", columns {Hex(rows.NewMetadataId)}"),
            PreparedResponse prepared => $"prepared {Hex(prepared.Id)}: ({Columns(prepared.Variables)}) key "
                + $"[{string.Join(' ', prepared.PartitionKeyIndexes)}] -> ({Columns(prepared.Result)})",
            KeyspaceResponse keyspace => $"keyspace {keyspace.Keyspace}",
            SchemaChangeResponse change => $"schema {Change(change.Change)}",
            EventResponse { Event: SchemaChangeEvent change } => $"event: schema {Change(change.Change)}",
            EventResponse happened => $"event: {happened.Event}",
            AuthenticateResponse authenticate => $"authenticate {authenticate.Authenticator}",
            SupportedResponse supported => "supported " + string.Join(
                "; ", supported.Options.OrderBy(option => option.Key, StringComparer.Ordinal).Select(
                    option => $"{option.Key}={string.Join(',', option.Value)}")),
            _ => response.GetType().Name,
        };
        return text + (response.TraceId is { } trace ? $", trace {trace}" : "")
            + (response.Warnings.Count > 0 ? $", warnings: {string.Join("; ", response.Warnings)}" : "");
    }

    private static string Details(CqlErrorDetails? details) => details switch
    {
        null => "",
        UnpreparedDetails unprepared => $" {Hex(unprepared.Id)}",
        _ => $" {details}",
    };

    private static string Columns(IReadOnlyList<ColumnSpec> columns) =>
        string.Join(", ", columns.Select(column => $"{column.Keyspace}.{column.Table}.{column.Name} {column.Type}"));

    private static string Change(SchemaChange change) => $"{change.Kind} {change.Target} {change.Keyspace}.{change.Name}";

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);
}
