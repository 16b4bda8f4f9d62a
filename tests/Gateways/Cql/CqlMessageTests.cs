using System.Buffers;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Fuzz.Targets;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>Messages of the native protocol, of every version, there and back; and what each version leaves out.</summary>
public sealed class CqlMessageTests
{
    public static TheoryData<CqlVersion> Versions => [CqlVersion.V3, CqlVersion.V4, CqlVersion.V5];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Every_request_comes_out_as_it_went_in(CqlVersion version)
    {
        foreach (var request in CqlSamples.Requests)
        {
            var bytes = Write(version, request);
            Assert.True(RequestDecoder.TryDecode(Frame(bytes, isServer: true), out var read, out var fault), fault);
            Assert.Equal(request.GetType(), read.GetType());
            Assert.Equal(bytes, Write(version, read));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Every_response_comes_out_as_it_went_in(CqlVersion version)
    {
        foreach (var response in CqlSamples.Responses)
        {
            var bytes = Write(version, response);
            Assert.True(ResponseDecoder.TryDecode(Frame(bytes, isServer: false), CqlSamples.Columns, out var read), $"{response}");
            Assert.Equal(response.GetType(), read.GetType());
            Assert.Equal(bytes, Write(version, read));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_message_that_ends_too_early_is_refused(CqlVersion version)
    {
        foreach (var request in CqlSamples.Requests.Where(request => request is not OptionsRequest))
        {
            var bytes = Write(version, request);
            for (var bodyBytes = 0; bodyBytes < bytes.Length - CqlFrameHeader.Bytes; bodyBytes++)
            {
                var cut = bytes[..(CqlFrameHeader.Bytes + bodyBytes)];
                (CqlFrameHeader.Read(cut) with { BodyBytes = (uint)bodyBytes }).Write(cut);
                Assert.False(RequestDecoder.TryDecode(Frame(cut, isServer: true), out _, out var fault));
                Assert.NotEqual("", fault);
            }
        }
    }

    [Fact]
    public void What_comes_behind_a_message_is_ignored()
    {
        var bytes = Write(CqlVersion.V4, new PrepareRequest("SELECT 1", null)).Concat(new byte[] { 1, 2, 3 }).ToArray();
        (CqlFrameHeader.Read(bytes) with { BodyBytes = (uint)(bytes.Length - CqlFrameHeader.Bytes) }).Write(bytes);
        Assert.True(RequestDecoder.TryDecode(Frame(bytes, isServer: true), out var read, out _));
        Assert.Equal(new PrepareRequest("SELECT 1", null), read);
    }

    [Fact]
    public void A_count_that_announces_more_than_there_is_takes_no_memory()
    {
        // A batch of 65,535 statements in 3 bytes, and a query of 2 GB.
        byte[] batch = [4, 0, 0, 1, 0x0D, 0, 0, 0, 3, 0, 0xFF, 0xFF];
        byte[] query = [4, 0, 0, 1, 0x07, 0, 0, 0, 4, 0x7F, 0xFF, 0xFF, 0xFF];
        foreach (var bytes in new[] { batch, query })
        {
            var frame = Frame(bytes, isServer: true);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.False(RequestDecoder.TryDecode(frame, out _, out _));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
        }
    }

    [Fact]
    public void Versions_leave_out_what_they_have_no_room_for()
    {
        var unset = new ExecuteRequest(
            new byte[16], new byte[16], new StatementOptions { Values = [CqlValue.Unset], Keyspace = "ks", NowSeconds = 1 }, false);
        var v3 = Assert.IsType<ExecuteRequest>(Read(CqlVersion.V3, unset));
        Assert.True(v3.Options.Values[0].IsNull);
        Assert.Equal((null, null, 0), (v3.Options.Keyspace, v3.Options.NowSeconds, v3.ResultMetadataId.Length));
        var v4 = Assert.IsType<ExecuteRequest>(Read(CqlVersion.V4, unset));
        Assert.True(v4.Options.Values[0].IsUnset);
        var v5 = Assert.IsType<ExecuteRequest>(Read(CqlVersion.V5, unset));
        Assert.Equal(("ks", 1, 16), (v5.Options.Keyspace, v5.Options.NowSeconds, v5.ResultMetadataId.Length));

        var unknown = new ErrorResponse(CqlErrorCode.CasWriteUnknown, "?", new CasWriteUnknownDetails(CqlConsistency.Serial, 1, 2));
        Assert.Equal(
            new ErrorResponse(CqlErrorCode.WriteTimeout, "?", new WriteTimeoutDetails(CqlConsistency.Serial, 1, 2, CqlWriteType.Cas)),
            Read(CqlVersion.V4, unknown));
        Assert.Equal(unknown, Read(CqlVersion.V5, unknown));
        var unwritten = new ErrorResponse(CqlErrorCode.WriteFailure, "?", new WriteFailureDetails(
            CqlConsistency.One, 0, 1, [], CqlWriteType.Simple));
        Assert.Equal(CqlErrorCode.WriteTimeout, Assert.IsType<ErrorResponse>(Read(CqlVersion.V3, unwritten)).Code);
        Assert.Equal(CqlErrorCode.WriteFailure, Assert.IsType<ErrorResponse>(Read(CqlVersion.V4, unwritten)).Code);
    }

    [Fact]
    public void A_type_that_a_version_does_not_have_is_sent_as_a_class_that_drivers_know()
    {
        foreach (var (type, since, name) in new[]
        {
            (CqlTypes.Date, CqlVersion.V4, "SimpleDateType"), (CqlTypes.Time, CqlVersion.V4, "TimeType"),
            (CqlTypes.Smallint, CqlVersion.V4, "ShortType"), (CqlTypes.Tinyint, CqlVersion.V4, "ByteType"),
            (CqlTypes.Duration, CqlVersion.V5, "DurationType"),
        })
        {
            foreach (var version in Enum.GetValues<CqlVersion>())
            {
                var bytes = Write(version, new RowsResponse([new ColumnSpec("ks", "t", "c", type)], [], default));
                var text = Encoding.Latin1.GetString(bytes);
                Assert.Equal(version < since, text.Contains("org.apache.cassandra.db.marshal." + name, StringComparison.Ordinal));
                var sent = new RowsResponse([new ColumnSpec("ks", "t", "c", type)], [], default);
                var rows = Assert.IsType<RowsResponse>(Read(version, sent));
                Assert.Equal(type, rows.Columns[0].Type);
            }
        }
    }

    [Fact]
    public void Every_error_code_carries_what_drivers_read_even_when_nothing_is_known()
    {
        foreach (var version in Enum.GetValues<CqlVersion>())
        {
            foreach (var code in Enum.GetValues<CqlErrorCode>())
            {
                var bytes = Write(version, new ErrorResponse(code, "message"));
                Assert.True(ResponseDecoder.TryDecode(Frame(bytes, isServer: false), null, out var read), $"{code} in {version}");
                Assert.Equal("message", Assert.IsType<ErrorResponse>(read).Message);
            }
        }
    }

    [Fact]
    public void A_message_for_people_is_cut_to_what_a_string_holds()
    {
        var long1 = new string('x', 65_534) + "\U0001F600\U0001F600";
        var read = Assert.IsType<ErrorResponse>(Read(CqlVersion.V4, new ErrorResponse(CqlErrorCode.Invalid, long1)));
        Assert.Equal(new string('x', 65_534), read.Message);
    }

    [Fact]
    public async Task Rows_come_without_columns_only_when_the_client_knows_those_that_there_are()
    {
        var tables = new FakeTables();
        var server = new StatementServer(tables, new PreparedStatements(10));
        var session = server.OpenSession();
        var prepared = Assert.IsType<PreparedResponse>(
            await server.ServeAsync(session, CqlVersion.V5, null, new PrepareRequest("SELECT", null), default));
        var known = new ExecuteRequest(prepared.Id, prepared.ResultMetadataId, StatementOptions.Default, true);
        foreach (var version in Enum.GetValues<CqlVersion>())
        {
            tables.ColumnsNow = FakeTables.Columns;
            Assert.True((await Execute(version)).SkipMetadata);
            tables.ColumnsNow = [FakeTables.Columns[0], FakeTables.Columns[1] with { Type = CqlTypes.Text }];
            var changed = await Execute(version);
            Assert.False(changed.SkipMetadata);
            Assert.Equal(version >= CqlVersion.V5, !changed.NewMetadataId.IsEmpty);
        }

        async Task<RowsResponse> Execute(CqlVersion version) =>
            Assert.IsType<RowsResponse>(await server.ServeAsync(session, version, null, known, default));
    }

    [Fact]
    public void The_prepared_statement_used_least_recently_makes_room()
    {
        var prepared = new PreparedStatements(2);
        var (a, b, c) = (Statement("a"), Statement("b"), Statement("c"));
        prepared.Keep(a);
        prepared.Keep(b);
        Assert.True(prepared.TryGet(a.Id, out _));
        prepared.Keep(c);
        Assert.True(prepared.TryGet(a.Id, out _));
        Assert.False(prepared.TryGet(b.Id, out _));
        Assert.True(prepared.TryGet(c.Id, out var found));
        Assert.Equal("c", found.Query);
        prepared.Keep(c);
        Assert.Equal(2, prepared.Count);
        Assert.False(prepared.TryGet([1, 2], out _));
    }

    private static PreparedStatement Statement(string query) => new(query, null, [], [], null);

    private static CqlRequest Read(CqlVersion version, CqlRequest request)
    {
        Assert.True(RequestDecoder.TryDecode(Frame(Write(version, request), isServer: true), out var read, out var fault), fault);
        return read;
    }

    private static CqlResponse Read(CqlVersion version, CqlResponse response)
    {
        Assert.True(ResponseDecoder.TryDecode(Frame(Write(version, response), isServer: false), null, out var read));
        return read;
    }

    private static byte[] Write(CqlVersion version, CqlRequest request)
    {
        var writer = new WireWriter();
        RequestEncoder.Write(writer, version, 7, request);
        return writer.ToArray();
    }

    private static byte[] Write(CqlVersion version, CqlResponse response)
    {
        var writer = new WireWriter();
        ResponseEncoder.Write(writer, version, 7, response);
        return writer.ToArray();
    }

    private static CqlFrame Frame(byte[] bytes, bool isServer)
    {
        var reader = new CqlFrameReader(CqlProtocol.BodyBytesMax, isServer);
        var left = new ReadOnlySequence<byte>(bytes);
        Assert.Equal(CqlReadStatus.Frame, reader.TryRead(ref left, out var frame));
        return frame;
    }
}
