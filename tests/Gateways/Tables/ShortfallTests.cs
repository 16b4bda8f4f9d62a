using Atoll.Foundation.Bytes;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Gateways.Tests.Tables;

/// <summary>From the level of a CQL request to that of the cluster's, and from too few replicas to the bytes of an error.</summary>
public sealed class ShortfallTests : IAsyncDisposable
{
    private const string Write = "UPDATE ks.t SET v = 1 WHERE k = 1";
    private const string Read = "SELECT v FROM ks.t WHERE k = 1";

    private readonly MachinePort _port = new();
    private readonly AtollClient _client;
    private readonly TablesService _tables;
    private readonly ITableSession _session;

    public ShortfallTests()
    {
        var clock = new ServerClock(TimeProvider.System);
        clock.SetNow(_port.Now);
        _client = new AtollClient(_port, new CallerOptions { Clock = clock });
        _tables = new TablesService(_client.Schemas, _client.Rows, TimeProvider.System, FunctionRegistry.BuiltIn);
        _session = _tables.OpenSession();
    }

    public async ValueTask DisposeAsync()
    {
        _tables.Dispose();
        await _client.DisposeAsync();
    }

    [Theory]
    [InlineData(Write, CqlConsistency.Any, ConsistencyLevel.Any, SerialLevel.None)]
    [InlineData(Write, CqlConsistency.One, ConsistencyLevel.One, SerialLevel.None)]
    [InlineData(Write, CqlConsistency.Two, ConsistencyLevel.Two, SerialLevel.None)]
    [InlineData(Write, CqlConsistency.Three, ConsistencyLevel.Three, SerialLevel.None)]
    [InlineData(Write, CqlConsistency.All, ConsistencyLevel.All, SerialLevel.None)]
    [InlineData(Write, CqlConsistency.LocalOne, ConsistencyLevel.LocalOne, SerialLevel.None)]
    [InlineData(Write + " IF v = null", CqlConsistency.Any, ConsistencyLevel.Any, SerialLevel.LocalSerial)]
    [InlineData(Write + " IF v = null", CqlConsistency.Quorum, ConsistencyLevel.Quorum, SerialLevel.LocalSerial)]
    [InlineData(Read, CqlConsistency.EachQuorum, ConsistencyLevel.EachQuorum, SerialLevel.None)]
    [InlineData(Read, CqlConsistency.LocalQuorum, ConsistencyLevel.LocalQuorum, SerialLevel.None)]
    [InlineData(Read, CqlConsistency.Serial, ConsistencyLevel.Quorum, SerialLevel.Serial)]
    [InlineData(Read, CqlConsistency.LocalSerial, ConsistencyLevel.LocalQuorum, SerialLevel.LocalSerial)]
    public async Task An_eventual_table_is_asked_at_the_level_of_the_statement(
        string statement, CqlConsistency consistency, ConsistencyLevel level, SerialLevel serial)
    {
        await CreateAsync("eventual");
        await RunAsync(statement, consistency);
        Assert.Equal(new RequestConsistency(level, serial), _port.Requests[^1].Consistency);
    }

    [Fact]
    public async Task Conditions_that_need_the_row_read_what_was_decided()
    {
        await CreateAsync("eventual");
        await RunAsync(Write, CqlConsistency.Quorum);
        var before = _port.Requests.Count;
        await RunAsync(Write + " IF v > 0", CqlConsistency.One);
        Assert.All(_port.Requests.Skip(before).Where(request => request.Kind == RequestKind.Read), request =>
            Assert.Equal(new RequestConsistency(ConsistencyLevel.LocalQuorum, SerialLevel.LocalSerial), request.Consistency));
    }

    [Fact]
    public async Task A_truncation_needs_every_replica()
    {
        await CreateAsync("eventual");
        await RunAsync("TRUNCATE ks.t", CqlConsistency.One);
        var truncations = _port.Requests.Where(static request =>
            request.Kind == RequestKind.Write && RowsCommand.KindOf(request.Payload.Span) == RowsCommandKind.Truncate).ToList();

        // Twice: the answers to the first bring the coordinator's clock behind all stamps that there are.
        Assert.NotEmpty(truncations);
        Assert.All(truncations.CountBy(static request => request.RoutingHash), static shard => Assert.Equal(2, shard.Value));
        Assert.All(truncations, static request => Assert.Equal(new RequestConsistency(ConsistencyLevel.All), request.Consistency));
    }

    [Fact]
    public async Task A_strong_table_is_asked_as_ever()
    {
        await CreateAsync("strong");
        await RunAsync(Write, CqlConsistency.Any);
        await RunAsync(Read, CqlConsistency.Serial);
        await RunAsync("SELECT v FROM ks.t", CqlConsistency.Serial);
        await RunAsync("TRUNCATE ks.t", CqlConsistency.One);
        Assert.All(_port.Requests, request => Assert.Null(request.Consistency));
    }

    [Theory]
    [InlineData(Read, CqlConsistency.Any, "ANY ConsistencyLevel is only supported for writes")]
    [InlineData(Write, CqlConsistency.Serial, "You must use conditional updates for serializable writes")]
    [InlineData(
        Write + " IF v = 1", CqlConsistency.LocalSerial,
        "LOCAL_SERIAL is not supported as conditional update commit consistency. Use ANY if you mean \"make sure it is accepted but I "
        + "don't care how many replicas commit it for non-SERIAL reads\"")]
    [InlineData(
        "SELECT v FROM ks.t WHERE k IN (1, 2)", CqlConsistency.Serial,
        "SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time")]
    [InlineData(
        "SELECT v FROM ks.t", CqlConsistency.LocalSerial,
        "SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time")]
    [InlineData(
        "UPDATE ks.n SET n = n + 1 WHERE k = 1", CqlConsistency.Any,
        "Consistency level ANY is not yet supported for counter table n")]
    [InlineData("UPDATE ks.n SET n = n + 1 WHERE k = 1", CqlConsistency.Serial, "Counter operations are inherently non-serializable")]
    [InlineData(
        "UPDATE ks.l SET l[0] = 1 WHERE k = 1", CqlConsistency.Any,
        "Write operation require a read but consistency ANY is not supported on reads")]
    public async Task A_level_that_makes_no_sense_is_refused_in_Cassandras_words(
        string statement, CqlConsistency consistency, string message)
    {
        await CreateAsync("eventual");
        var error = await Assert.ThrowsAsync<CqlException>(() => RunAsync(statement, consistency));
        Assert.Equal((CqlErrorCode.Invalid, message), (error.Code, error.Message));
    }

    // What follows the code and the message (native_protocol_v4.spec and native_protocol_v5.spec, section 8).
    [Theory]
    [InlineData(4, Read, EventualOutcome.Unavailable, CqlErrorCode.Unavailable, "0005 00000003 00000002")]
    [InlineData(4, Write, EventualOutcome.Unavailable, CqlErrorCode.Unavailable, "0005 00000003 00000002")]
    [InlineData(4, Read, EventualOutcome.TimedOut, CqlErrorCode.ReadTimeout, "0005 00000002 00000003 01")]
    [InlineData(5, Read, EventualOutcome.TimedOut, CqlErrorCode.ReadTimeout, "0005 00000002 00000003 01")]
    [InlineData(4, Write, EventualOutcome.TimedOut, CqlErrorCode.WriteTimeout, "0005 00000002 00000003 0006 53494D504C45")]
    [InlineData(5, Write, EventualOutcome.TimedOut, CqlErrorCode.WriteTimeout, "0005 00000002 00000003 0006 53494D504C45")]
    [InlineData(3, Read, EventualOutcome.Failed, CqlErrorCode.ReadTimeout, "0005 00000002 00000003 01")]
    [InlineData(4, Read, EventualOutcome.Failed, CqlErrorCode.ReadFailure, "0005 00000002 00000003 00000001 01")]
    [InlineData(5, Read, EventualOutcome.Failed, CqlErrorCode.ReadFailure, "0005 00000002 00000003 00000001 04 00000001 0000 01")]
    [InlineData(3, Write, EventualOutcome.Failed, CqlErrorCode.WriteTimeout, "0005 00000002 00000003 0006 53494D504C45")]
    [InlineData(4, Write, EventualOutcome.Failed, CqlErrorCode.WriteFailure, "0005 00000002 00000003 00000001 0006 53494D504C45")]
    [InlineData(
        5, Write, EventualOutcome.Failed, CqlErrorCode.WriteFailure,
        "0005 00000002 00000003 00000001 04 00000001 0000 0006 53494D504C45")]
    public async Task Too_few_answers_are_an_error_with_their_numbers(
        int version, string statement, EventualOutcome outcome, CqlErrorCode code, string bytes)
    {
        await CreateAsync("eventual");
        Fall(outcome, outcome == EventualOutcome.Unavailable || statement == Read);
        await AssertAsync(version, statement, code, bytes);
    }

    [Theory]
    [InlineData("BEGIN UNLOGGED BATCH " + Write + "; APPLY BATCH", "000E 554E4C4F474745445F4241544348")]
    [InlineData("BEGIN BATCH " + Write + "; UPDATE ks.t SET v = 1 WHERE k = 2; APPLY BATCH", "0005 4241544348")]
    [InlineData("UPDATE ks.n SET n = n + 1 WHERE k = 1", "0007 434F554E544552")]
    public async Task A_write_that_came_too_late_says_what_it_was(string statement, string type)
    {
        await CreateAsync("eventual");
        Fall(EventualOutcome.TimedOut, false);
        await AssertAsync(4, statement, CqlErrorCode.WriteTimeout, "0005 00000002 00000003 " + type);
    }

    [Theory]
    [InlineData(4, false, WriteKind.CompareAndSet, CqlErrorCode.WriteTimeout, "0009 00000002 00000003 0003 434153")]
    [InlineData(5, false, WriteKind.CompareAndSet, CqlErrorCode.CasWriteUnknown, "0009 00000002 00000003")]
    [InlineData(5, true, WriteKind.CompareAndSet, CqlErrorCode.WriteTimeout, "0009 00000002 00000003 0003 434153 0000")]
    [InlineData(5, false, WriteKind.Simple, CqlErrorCode.WriteTimeout, "0005 00000002 00000003 0006 53494D504C45")]
    public async Task A_conditional_write_says_whether_deciding_or_committing_came_too_late(
        int version, bool isCertain, WriteKind kind, CqlErrorCode code, string bytes)
    {
        await CreateAsync("eventual");
        Fall(EventualOutcome.TimedOut, isCertain, kind);
        await AssertAsync(version, Write + " IF v = null", code, bytes);
    }

    [Fact]
    public async Task What_too_few_replicas_answered_is_not_tried_again_and_an_earlier_try_is_not_forgotten()
    {
        await CreateAsync("eventual");
        await RunAsync(Write, CqlConsistency.One);
        var tries = 0;
        _port.Disturb = _ => tries++ == 0
            ? new Response(ResponseStatus.OutcomeUnknown)
            : new Response(ResponseStatus.Unavailable) { Shortfall = new QuorumShortfall(EventualOutcome.Unavailable, 1, 2) };
        var error = await Assert.ThrowsAsync<CqlException>(() => RunAsync(Write, CqlConsistency.Quorum));
        Assert.Equal(new WriteTimeoutDetails(CqlConsistency.Quorum, 0, 2, CqlWriteType.Simple), error.Details);
        Assert.Equal(2, tries);
        Assert.Equal(ErrorCode.OutcomeUnknown, Assert.IsType<QuorumShortfallException>(error.InnerException).Code);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task CreateAsync(string faultModel)
    {
        await RunAsync(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND fault_model = '"
            + faultModel + "'", CqlConsistency.One);
        await RunAsync("CREATE TABLE ks.t (k int PRIMARY KEY, v int)", CqlConsistency.One);
        await RunAsync("CREATE TABLE ks.l (k int PRIMARY KEY, l list<int>)", CqlConsistency.One);
        await RunAsync("CREATE TABLE ks.n (k int PRIMARY KEY, n counter)", CqlConsistency.One);
    }

    // Only what has a level is for an eventual space.
    private void Fall(EventualOutcome outcome, bool isCertain, WriteKind kind = WriteKind.Simple) => _port.Disturb = request =>
        request.Consistency is null ? null : new Response(isCertain ? ResponseStatus.Unavailable : ResponseStatus.OutcomeUnknown)
        {
            Shortfall = new QuorumShortfall(outcome, 2, 3, outcome == EventualOutcome.Failed ? 1 : 0, IsDataPresent: true, kind),
        };

    private Task<StatementResult> RunAsync(string statement, CqlConsistency consistency) => _session.ExecuteAsync(
        statement,
        StatementOptions.Default with { Consistency = consistency, SerialConsistency = CqlConsistency.LocalSerial }, Cancellation).AsTask();

    private async Task AssertAsync(int version, string statement, CqlErrorCode code, string details)
    {
        var error = await Assert.ThrowsAsync<CqlException>(() => RunAsync(statement, CqlConsistency.All));
        var writer = new WireWriter();
        ResponseEncoder.Write(writer, (CqlVersion)version, 1, new ErrorResponse(error.Code, error.Message, error.Details));
        var body = writer.Written[CqlFrameHeader.Bytes..];
        Assert.Equal($"{(int)code:X8}", Convert.ToHexString(body[..4]));
        var message = (body[4] << 8) | body[5];
        Assert.Equal(details.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexString(body[(6 + message)..]));
    }
}
