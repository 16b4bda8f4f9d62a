using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>The present, and conversions among times; and uuid().</summary>
internal static class TimeFunctions
{
    private const long MillisecondsPerDay = 86_400_000;

    /// <summary>The functions with their names.</summary>
    public static IEnumerable<(string[] Names, ICqlFunction Function)> All() =>
    [
        (["uuid"], Now("uuid", CqlTypes.Uuid, static (in FunctionContext context) => CqlBytes.Of(context.Ids.NewRandom()))),
        (["now"], Now("now", CqlTypes.Timeuuid, static (in FunctionContext context) => CqlBytes.Of(context.Ids.NewTimeBased()))),
        (["currenttimeuuid", "current_timeuuid"], Now(
            "currenttimeuuid", CqlTypes.Timeuuid, static (in FunctionContext context) => CqlBytes.Of(context.Ids.NewTimeBased()))),
        (["currenttimestamp", "current_timestamp"], Now(
            "currenttimestamp", CqlTypes.Timestamp, static (in FunctionContext context) => CqlBytes.Of(context.NowMilliseconds))),
        (["currentdate", "current_date"], Now(
            "currentdate", CqlTypes.Date, static (in FunctionContext context) => CqlBytes.OfDate(Days(context.NowMilliseconds)))),
        (["currenttime", "current_time"], Now(
            "currenttime", CqlTypes.Time, static (in FunctionContext context) => CqlBytes.Of(NanosecondsOfDay(context.NowMilliseconds)))),

        (["mintimeuuid", "min_timeuuid"], NativeFunction.OfOne("mintimeuuid", CqlTypes.Timestamp, CqlTypes.Timeuuid, static value =>
            TimeUuids.ToBytes(TimeUuids.TicksAt(CqlBytes.ToBigint(value.Span)), TimeUuids.LowestNode))),
        (["maxtimeuuid", "max_timeuuid"], NativeFunction.OfOne("maxtimeuuid", CqlTypes.Timestamp, CqlTypes.Timeuuid, static value =>
            TimeUuids.ToBytes(TimeUuids.TicksAt(unchecked(CqlBytes.ToBigint(value.Span) + 1)) - 1, TimeUuids.HighestNode))),

        (["todate", "to_date"], Convert("todate", CqlTypes.Timeuuid, CqlTypes.Date)),
        (["todate", "to_date"], Convert("todate", CqlTypes.Timestamp, CqlTypes.Date)),
        (["totimestamp", "to_timestamp"], Convert("totimestamp", CqlTypes.Timeuuid, CqlTypes.Timestamp)),
        (["totimestamp", "to_timestamp"], Convert("totimestamp", CqlTypes.Date, CqlTypes.Timestamp)),
        (["tounixtimestamp", "to_unix_timestamp"], Convert("tounixtimestamp", CqlTypes.Timeuuid, CqlTypes.Bigint)),
        (["tounixtimestamp", "to_unix_timestamp"], Convert("tounixtimestamp", CqlTypes.Timestamp, CqlTypes.Bigint)),
        (["tounixtimestamp", "to_unix_timestamp"], Convert("tounixtimestamp", CqlTypes.Date, CqlTypes.Bigint)),
        (["dateof"], Convert("dateof", CqlTypes.Timeuuid, CqlTypes.Timestamp)),
        (["unixtimestampof"], Convert("unixtimestampof", CqlTypes.Timeuuid, CqlTypes.Bigint)),
    ];

    /// <summary>The conversion of a timeuuid, timestamp or date to a date, a timestamp or milliseconds.</summary>
    public static NativeFunction Convert(string name, CqlType from, CqlType to) => NativeFunction.OfOne(name, from, to, value =>
    {
        var milliseconds = from.Code switch
        {
            CqlTypeCode.Timeuuid => TimeUuids.UnixMilliseconds(value.Span),
            CqlTypeCode.Date => CqlBytes.ToDate(value.Span) * MillisecondsPerDay,
            _ => CqlBytes.ToBigint(value.Span),
        };
        if (to.Code != CqlTypeCode.Date)
        {
            return CqlBytes.Of(milliseconds);
        }

        var days = Days(milliseconds);
        return days is >= -(long)CqlBytes.DateEpoch and < CqlBytes.DateEpoch
            ? CqlBytes.OfDate(days)
            : throw CqlException.Invalid($"In call to function system.{name}, the timestamp {milliseconds} lies beyond all dates");
    });

    private static long Days(long milliseconds) => (long)Math.Floor((decimal)milliseconds / MillisecondsPerDay);

    private static long NanosecondsOfDay(long milliseconds) => (milliseconds - (Days(milliseconds) * MillisecondsPerDay)) * 1_000_000;

    private delegate byte[] Present(in FunctionContext context);

    private static NativeFunction Now(string name, CqlType type, Present present) => new(
        name, [], type, (IReadOnlyList<ReadOnlyMemory<byte>?> _, in FunctionContext context) => present(context));
}
