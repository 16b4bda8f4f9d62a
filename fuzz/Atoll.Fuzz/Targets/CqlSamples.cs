using System.Collections.Immutable;
using System.Net;
using Atoll.Gateways.Cql.Messages;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;

namespace Atoll.Fuzz.Targets;

/// <summary>A message of every kind of the CQL protocol, with all that it may hold.</summary>
public static class CqlSamples
{
    private static readonly CqlType Person = new UserType(
        "ks", "person", [new UserTypeField("name", CqlTypes.Text), new UserTypeField("born", CqlTypes.Date)], true);

    /// <summary>Columns of many types.</summary>
    public static IReadOnlyList<ColumnSpec> Columns { get; } =
    [
        new("ks", "t", "k", CqlTypes.Int), new("ks", "t", "l", new ListType(CqlTypes.Text, false)),
        new("ks", "t", "m", new MapType(CqlTypes.Uuid, new SetType(CqlTypes.Bigint, true), false)), new("ks", "t", "p", Person),
        new("ks", "t", "u", new TupleType(ImmutableArray.Create<CqlType>(CqlTypes.Duration, CqlTypes.Tinyint, CqlTypes.Inet))),
    ];

    private static readonly IReadOnlyDictionary<string, ReadOnlyMemory<byte>?> Payload =
        new Dictionary<string, ReadOnlyMemory<byte>?> { ["a"] = new byte[] { 1, 2 }, ["b"] = null };

    /// <summary>Requests.</summary>
    public static IReadOnlyList<CqlRequest> Requests { get; } =
    [
        new StartupRequest(new Dictionary<string, string> { ["CQL_VERSION"] = "3.0.0", ["COMPRESSION"] = "lz4", ["DRIVER_NAME"] = "d" }),
        new OptionsRequest(),
        new AuthResponseRequest("\0ada\0secret"u8.ToArray()),
        new AuthResponseRequest(null),
        new RegisterRequest(["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"]),
        new QueryRequest(
            "SELECT * FROM ks.t", new StatementOptions { PageSize = 5000, DefaultTimestampMicros = 1_700_000_000_000_000 }, false),
        new QueryRequest(
            "INSERT INTO ks.t (k, l) VALUES (:k, :l)",
            new StatementOptions
            {
                Consistency = CqlConsistency.EachQuorum,
                SerialConsistency = CqlConsistency.LocalSerial,
                NamedValues = new Dictionary<string, CqlValue> { ["k"] = CqlValue.Of(new byte[] { 0, 0, 0, 1 }), ["l"] = CqlValue.Unset },
                Keyspace = "ks",
                NowSeconds = 7,
            },
            true) { Tracing = true, CustomPayload = Payload },
        new PrepareRequest("SELECT * FROM t WHERE k = ?", "ks"),
        new ExecuteRequest(
            new byte[16], new byte[16],
            new StatementOptions
            {
                Consistency = CqlConsistency.LocalOne,
                Values = [CqlValue.Of(new byte[] { 9 }), CqlValue.Null, CqlValue.Unset, CqlValue.Of(Array.Empty<byte>())],
                PagingState = new byte[] { 1, 2, 3 },
            },
            true),
        new BatchRequest(
            BatchKind.Logged,
            [
                new BatchItem("DELETE FROM ks.t WHERE k = 1", default, []),
                new BatchItem(null, new byte[16], [CqlValue.Of(new byte[] { 1 }), CqlValue.Null]),
            ],
            new StatementOptions { Consistency = CqlConsistency.Quorum, DefaultTimestampMicros = 5 }),
    ];

    /// <summary>Responses.</summary>
    public static IReadOnlyList<CqlResponse> Responses { get; } =
    [
        new ReadyResponse(),
        new AuthenticateResponse("org.apache.cassandra.auth.PasswordAuthenticator"),
        new SupportedResponse(new Dictionary<string, IReadOnlyList<string>> { ["CQL_VERSION"] = ["3.4.5"], ["COMPRESSION"] = [] }),
        new AuthChallengeResponse(new byte[] { 1 }),
        new AuthSuccessResponse(null),
        new VoidResponse { TraceId = new Guid("00112233-4455-6677-8899-aabbccddeeff"), Warnings = ["careful"], CustomPayload = Payload },
        new KeyspaceResponse("ks"),
        new PreparedResponse(new byte[16], new byte[16], Columns, [0], Columns),
        new PreparedResponse(new byte[16], new byte[16], [], [], []),
        new RowsResponse(
            Columns, [new ReadOnlyMemory<byte>?[5], [new byte[] { 0, 0, 0, 1 }, null, null, Array.Empty<byte>(), null]], new byte[] { 4 }),
        new RowsResponse(Columns, [], default) { SkipMetadata = true },
        new RowsResponse(Columns, [], default) { NewMetadataId = new byte[16] },
        new RowsResponse([.. Columns, new ColumnSpec("ks", "other", "x", CqlTypes.Blob)], [], default),
        new SchemaChangeResponse(new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Type, "ks", "person")),
        new EventResponse(new TopologyChangeEvent(new IPEndPoint(IPAddress.Loopback, 9042), IsNew: true)),
        new EventResponse(new StatusChangeEvent(new IPEndPoint(IPAddress.IPv6Loopback, 9042), IsUp: false)),
        new EventResponse(new SchemaChangeEvent(new SchemaChange(
            SchemaChangeKind.Created, SchemaChangeTarget.Function, "ks", "f", ["int", "text"]))),
        new ErrorResponse(CqlErrorCode.Invalid, "wrong"),
        new ErrorResponse(CqlErrorCode.Unavailable, "few", new UnavailableDetails(CqlConsistency.Quorum, 2, 1)),
        new ErrorResponse(CqlErrorCode.WriteTimeout, "late", new WriteTimeoutDetails(CqlConsistency.One, 0, 1, CqlWriteType.Cas, 3)),
        new ErrorResponse(CqlErrorCode.ReadTimeout, "late", new ReadTimeoutDetails(CqlConsistency.All, 2, 3, true)),
        new ErrorResponse(CqlErrorCode.ReadFailure, "bad", new ReadFailureDetails(
            CqlConsistency.All, 2, 3, [new ReplicaFailure(IPAddress.Loopback, 1)], false)),
        new ErrorResponse(CqlErrorCode.WriteFailure, "bad", new WriteFailureDetails(
            CqlConsistency.All, 2, 3, [new ReplicaFailure(IPAddress.IPv6Loopback, 0)], CqlWriteType.UnloggedBatch)),
        new ErrorResponse(CqlErrorCode.FunctionFailure, "bad", new FunctionFailureDetails("ks", "f", ["int"])),
        new ErrorResponse(CqlErrorCode.CasWriteUnknown, "unknown", new CasWriteUnknownDetails(CqlConsistency.Serial, 1, 2)),
        new ErrorResponse(CqlErrorCode.AlreadyExists, "there", new AlreadyExistsDetails("ks", "t")),
        new ErrorResponse(CqlErrorCode.Unprepared, "gone", new UnpreparedDetails(new byte[16])),
    ];
}
