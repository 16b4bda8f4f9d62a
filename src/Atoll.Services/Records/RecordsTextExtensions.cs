using System.Text;
using Atoll.Foundation.Time;

namespace Atoll.Services.Records;

/// <summary>Records whose keys and values are text: UTF-8 underneath.</summary>
public static class RecordsTextExtensions
{
    /// <summary>Reads a value; null when there is no such record.</summary>
    public static async ValueTask<string?> GetTextAsync(
        this IRecords records, string key, ReadOptions options = default, CancellationToken cancellationToken = default) =>
        await records.GetAsync(Encoding.UTF8.GetBytes(key), options, cancellationToken).ConfigureAwait(false) is { } record
            ? Encoding.UTF8.GetString(record.Value.Span)
            : null;

    /// <summary>Writes a value; gives the record's new version.</summary>
    public static ValueTask<HybridTime> PutTextAsync(
        this IRecords records, string key, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        records.PutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), options, cancellationToken);
}
