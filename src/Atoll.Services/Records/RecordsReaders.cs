using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>Results out of answers; one delegate each, made once.</summary>
internal static class RecordsReaders
{
    public static readonly ResponseReader<GetResult> Get = ReadGet;
    public static readonly ResponseReader<HybridTime> Put = ReadPut;
    public static readonly ResponseReader<bool> Delete = ReadDelete;
    public static readonly ResponseReader<ConditionalOutcome> Conditional = ReadConditional;
    public static readonly ResponseReader<ScanPage> Scan = ReadScan;
    public static readonly ResponseReader<ChangesPage> Changes = ReadChanges;
    public static readonly ResponseReader<RecordsStats> Stats = ReadStats;

    public static readonly ResponseReader<DigestPage> Digest = ReadDigest;

    private static GetResult ReadGet(in Response response) =>
        RecordsResultCodec.TryReadGet(response.Body, out var get)
            ? get.Status is RecordsStatus.Ok or RecordsStatus.NotFound ? get : throw Refused(get.Detail)
            : throw Garbled();

    private static HybridTime ReadPut(in Response response) => ReadWrite(response) is { Status: RecordsStatus.Ok } write
        ? write.Version
        : throw new AtollException(ErrorCode.Conflict, "a write without a condition was refused");

    private static bool ReadDelete(in Response response) => ReadWrite(response).Status == RecordsStatus.Ok;

    private static ConditionalOutcome ReadConditional(in Response response)
    {
        var write = ReadWrite(response);
        return new ConditionalOutcome(write.Status == RecordsStatus.Ok, write.Version, write.FailedOperation);
    }

    private static WriteResult ReadWrite(in Response response) =>
        RecordsResultCodec.TryReadWrite(response.Body, out var write)
            ? write.Status is RecordsStatus.Ok or RecordsStatus.NotFound or RecordsStatus.Conflict ? write : throw Refused(write.Detail)
            : throw Garbled();

    private static ScanPage ReadScan(in Response response) =>
        RecordsResultCodec.TryReadScan(response.Body, out var page)
            ? page.Status == RecordsStatus.Ok ? page : throw RefusedTime(page.Status, page.Detail)
            : throw Garbled();

    private static DigestPage ReadDigest(in Response response) =>
        RecordsResultCodec.TryReadDigest(response.Body, out var page)
            ? page.Status == RecordsStatus.Ok ? page : throw RefusedTime(page.Status, page.Detail)
            : throw Garbled();

    private static ChangesPage ReadChanges(in Response response) =>
        RecordsResultCodec.TryReadChanges(response.Body, out var page)
            ? page.Status is RecordsStatus.Ok or RecordsStatus.Compacted ? page : throw Refused(page.Detail)
            : throw Garbled();

    private static RecordsStats ReadStats(in Response response) =>
        RecordsResultCodec.TryReadStats(response.Body, out var stats)
            ? stats.Status == RecordsStatus.Ok ? stats : throw Refused(null)
            : throw Garbled();

    private static AtollException RefusedTime(RecordsStatus status, string? detail) => status switch
    {
        RecordsStatus.TimeAhead => new AtollException(ErrorCode.TimeAhead, detail ?? "the time to read at has not come"),
        RecordsStatus.TimeCollected => new AtollException(
            ErrorCode.TimeCollected, detail ?? "what was there at the time to read at is not kept any more"),
        _ => Refused(detail),
    };

    private static InvalidRequestException Refused(string? detail) => new(detail ?? "the shard does not understand the request");

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the shard's answer cannot be decoded");
}
