using System.Net;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>
/// The body of an ERROR (native protocol, section 8): code, message, and for some codes more. Drivers always read what belongs to a code:
/// where nothing is known of it, something harmless stands there. A code that a version does not have is sent as one that it has.
/// </summary>
internal static class ErrorBody
{
    private static readonly (CqlWriteType Type, string Name)[] WriteTypes =
    [
        (CqlWriteType.Simple, "SIMPLE"), (CqlWriteType.Batch, "BATCH"), (CqlWriteType.UnloggedBatch, "UNLOGGED_BATCH"),
        (CqlWriteType.Counter, "COUNTER"), (CqlWriteType.BatchLog, "BATCH_LOG"), (CqlWriteType.Cas, "CAS"),
        (CqlWriteType.View, "VIEW"), (CqlWriteType.Cdc, "CDC"),
    ];

    public static void Write(WireWriter writer, CqlVersion version, ErrorResponse error)
    {
        var (code, details) = ForVersion(version, error.Code, error.Details);
        writer.WriteInt((int)code);
        writer.WriteShortString(error.Message);
        switch (code)
        {
            case CqlErrorCode.Unavailable:
                var unavailable = details as UnavailableDetails ?? new UnavailableDetails(CqlConsistency.One, 1, 0);
                WriteCounts(writer, unavailable.Consistency, unavailable.Required, unavailable.Alive);
                break;
            case CqlErrorCode.WriteTimeout:
                WriteWriteTimeout(
                    writer, version, details as WriteTimeoutDetails ?? new(CqlConsistency.One, 0, 1, CqlWriteType.Simple));
                break;
            case CqlErrorCode.ReadTimeout:
                var late = details as ReadTimeoutDetails ?? new ReadTimeoutDetails(CqlConsistency.One, 0, 1, false);
                WriteCounts(writer, late.Consistency, late.Received, late.BlockFor);
                writer.WriteBool(late.DataPresent);
                break;
            case CqlErrorCode.ReadFailure:
                var unread = details as ReadFailureDetails ?? new ReadFailureDetails(CqlConsistency.One, 0, 1, [], false);
                WriteCounts(writer, unread.Consistency, unread.Received, unread.BlockFor);
                WriteFailures(writer, version, unread.Failures);
                writer.WriteBool(unread.DataPresent);
                break;
            case CqlErrorCode.FunctionFailure:
                var function = details as FunctionFailureDetails ?? new FunctionFailureDetails("", "", []);
                writer.WriteShortString(function.Keyspace);
                writer.WriteShortString(function.Function);
                writer.WriteStringList(function.ArgumentTypes);
                break;
            case CqlErrorCode.WriteFailure:
                var unwritten = details as WriteFailureDetails ?? new(CqlConsistency.One, 0, 1, [], CqlWriteType.Simple);
                WriteCounts(writer, unwritten.Consistency, unwritten.Received, unwritten.BlockFor);
                WriteFailures(writer, version, unwritten.Failures);
                writer.WriteShortString(NameOf(unwritten.WriteType));
                break;
            case CqlErrorCode.CasWriteUnknown:
                var unknown = details as CasWriteUnknownDetails ?? new CasWriteUnknownDetails(CqlConsistency.Serial, 0, 1);
                WriteCounts(writer, unknown.Consistency, unknown.Received, unknown.BlockFor);
                break;
            case CqlErrorCode.AlreadyExists:
                var existing = details as AlreadyExistsDetails ?? new AlreadyExistsDetails("", "");
                writer.WriteShortString(existing.Keyspace);
                writer.WriteShortString(existing.Table);
                break;
            case CqlErrorCode.Unprepared:
                writer.WriteShortBytes(details is UnpreparedDetails unprepared ? unprepared.Id.Span : default);
                break;
            default:
                break; // nothing belongs to it
        }
    }

    public static ErrorResponse Read(ref CqlReader reader, CqlVersion version)
    {
        var code = (CqlErrorCode)reader.ReadInt();
        var message = reader.ReadString();
        return new ErrorResponse(code, message, ReadDetails(ref reader, version, code));
    }

    private static (CqlErrorCode Code, CqlErrorDetails? Details) ForVersion(
        CqlVersion version, CqlErrorCode code, CqlErrorDetails? details) => (code, details) switch
    {
        (CqlErrorCode.CasWriteUnknown, CasWriteUnknownDetails cas) when version < CqlVersion.V5 => (
            CqlErrorCode.WriteTimeout, new WriteTimeoutDetails(cas.Consistency, cas.Received, cas.BlockFor, CqlWriteType.Cas)),
        (CqlErrorCode.CasWriteUnknown, _) when version < CqlVersion.V5 => (CqlErrorCode.WriteTimeout, null),
        (CqlErrorCode.CdcWriteFailure, _) when version < CqlVersion.V5 => (CqlErrorCode.Invalid, null),
        (CqlErrorCode.ReadFailure, ReadFailureDetails read) when version < CqlVersion.V4 => (
            CqlErrorCode.ReadTimeout, new ReadTimeoutDetails(read.Consistency, read.Received, read.BlockFor, read.DataPresent)),
        (CqlErrorCode.ReadFailure, _) when version < CqlVersion.V4 => (CqlErrorCode.ReadTimeout, null),
        (CqlErrorCode.WriteFailure, WriteFailureDetails write) when version < CqlVersion.V4 => (
            CqlErrorCode.WriteTimeout, new WriteTimeoutDetails(write.Consistency, write.Received, write.BlockFor, write.WriteType)),
        (CqlErrorCode.WriteFailure, _) when version < CqlVersion.V4 => (CqlErrorCode.WriteTimeout, null),
        (CqlErrorCode.FunctionFailure, _) when version < CqlVersion.V4 => (CqlErrorCode.Invalid, null),
        _ => (code, details),
    };

    private static CqlErrorDetails? ReadDetails(ref CqlReader reader, CqlVersion version, CqlErrorCode code)
    {
        switch (code)
        {
            case CqlErrorCode.Unavailable:
                return new UnavailableDetails(ReadConsistency(ref reader), reader.ReadInt(), reader.ReadInt());
            case CqlErrorCode.WriteTimeout:
                var (consistency, received, blockFor) = ReadCounts(ref reader);
                var type = ReadWriteType(ref reader);
                var contentions = version >= CqlVersion.V5 && type == CqlWriteType.Cas ? reader.ReadShort() : 0;
                return new WriteTimeoutDetails(consistency, received, blockFor, type, contentions);
            case CqlErrorCode.ReadTimeout:
                (consistency, received, blockFor) = ReadCounts(ref reader);
                return new ReadTimeoutDetails(consistency, received, blockFor, reader.ReadByte() != 0);
            case CqlErrorCode.ReadFailure:
                (consistency, received, blockFor) = ReadCounts(ref reader);
                var failures = ReadFailures(ref reader, version);
                return new ReadFailureDetails(consistency, received, blockFor, failures, reader.ReadByte() != 0);
            case CqlErrorCode.FunctionFailure:
                return new FunctionFailureDetails(reader.ReadString(), reader.ReadString(), reader.ReadStringList());
            case CqlErrorCode.WriteFailure:
                (consistency, received, blockFor) = ReadCounts(ref reader);
                failures = ReadFailures(ref reader, version);
                return new WriteFailureDetails(consistency, received, blockFor, failures, ReadWriteType(ref reader));
            case CqlErrorCode.CasWriteUnknown:
                (consistency, received, blockFor) = ReadCounts(ref reader);
                return new CasWriteUnknownDetails(consistency, received, blockFor);
            case CqlErrorCode.AlreadyExists:
                return new AlreadyExistsDetails(reader.ReadString(), reader.ReadString());
            case CqlErrorCode.Unprepared:
                return new UnpreparedDetails(reader.ReadShortBytes());
            default:
                return null;
        }
    }

    private static void WriteCounts(WireWriter writer, CqlConsistency consistency, int first, int second)
    {
        writer.WriteShort((ushort)consistency);
        writer.WriteInt(first);
        writer.WriteInt(second);
    }

    private static (CqlConsistency Consistency, int Received, int BlockFor) ReadCounts(ref CqlReader reader) =>
        (ReadConsistency(ref reader), reader.ReadInt(), reader.ReadInt());

    private static CqlConsistency ReadConsistency(ref CqlReader reader)
    {
        var consistency = (CqlConsistency)reader.ReadShort();
        if (consistency > CqlConsistency.LocalOne)
        {
            reader.Fail();
        }

        return consistency;
    }

    private static void WriteWriteTimeout(WireWriter writer, CqlVersion version, WriteTimeoutDetails details)
    {
        WriteCounts(writer, details.Consistency, details.Received, details.BlockFor);
        writer.WriteShortString(NameOf(details.WriteType));
        if (version >= CqlVersion.V5 && details.WriteType == CqlWriteType.Cas)
        {
            writer.WriteShort((ushort)Math.Clamp(details.Contentions, 0, ushort.MaxValue));
        }
    }

    // Version 5 says which replicas failed, and why; version 4 how many.
    private static void WriteFailures(WireWriter writer, CqlVersion version, IReadOnlyList<ReplicaFailure> failures)
    {
        writer.WriteInt(failures.Count);
        if (version >= CqlVersion.V5)
        {
            foreach (var failure in failures)
            {
                writer.WriteAddress(failure.Replica.GetAddressBytes());
                writer.WriteShort(failure.Reason);
            }
        }
    }

    private static ReplicaFailure[] ReadFailures(ref CqlReader reader, CqlVersion version)
    {
        if (version < CqlVersion.V5)
        {
            // Whoever failed is not known: as many unknown addresses, as far as anybody has replicas.
            const int replicasMax = 1024;
            var count = reader.ReadInt();
            if (count is < 0 or > replicasMax)
            {
                reader.Fail();
                count = 0;
            }

            return [.. Enumerable.Repeat(new ReplicaFailure(IPAddress.None, 0), count)];
        }

        var failures = new List<ReplicaFailure>();
        for (var left = reader.ReadIntCount(7); left > 0 && reader.Ok; left--)
        {
            var address = reader.ReadAddress();
            var reason = reader.ReadShort();
            if (reader.Ok)
            {
                failures.Add(new ReplicaFailure(new IPAddress(address.Span), reason));
            }
        }

        return [.. failures];
    }

    private static string NameOf(CqlWriteType type) => WriteTypes[(int)type].Name;

    private static CqlWriteType ReadWriteType(ref CqlReader reader)
    {
        var name = reader.ReadString();
        var index = Array.FindIndex(WriteTypes, known => known.Name == name);
        if (index < 0)
        {
            reader.Fail();
        }

        return index < 0 ? CqlWriteType.Simple : WriteTypes[index].Type;
    }
}
