using Atoll.Services.Errors;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Storage;

/// <summary>Makes results of what a rows shard answered, or the exceptions that the answers mean.</summary>
internal static class RowResponses
{
    /// <exception cref="TooLargeException">A row would have become too large.</exception>
    /// <exception cref="InvalidRequestException">The shard did not understand the command.</exception>
    internal static MutationResult Mutation(ReadOnlyMemory<byte> body)
    {
        if (!RowsResultCodec.TryReadMutation(body, out var result))
        {
            throw Garbled();
        }

        Check(result.Status, result.Detail);
        return result;
    }

    /// <exception cref="InvalidRequestException">The shard did not understand the query.</exception>
    internal static RowsPage Page(ReadOnlyMemory<byte> body)
    {
        if (!RowsResultCodec.TryReadPage(body, out var page))
        {
            throw Garbled();
        }

        Check(page.Status, page.Detail);
        return page;
    }

    internal static RowsStats Stats(ReadOnlyMemory<byte> body) =>
        RowsResultCodec.TryReadStats(body, out var stats) && stats.Status == RowsStatus.Ok ? stats : throw Garbled();

    private static void Check(RowsStatus status, string detail)
    {
        if (status == RowsStatus.Invalid)
        {
            throw new InvalidRequestException(detail);
        }

        if (status == RowsStatus.TooLarge)
        {
            throw new TooLargeException(detail);
        }
    }

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the shard's answer cannot be decoded");
}
