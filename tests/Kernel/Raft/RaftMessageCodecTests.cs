using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>The bytes of messages and memberships: there and back, as written down here, and never an exception whatever comes.</summary>
public sealed class RaftMessageCodecTests
{
    private static readonly Membership Joint = new([new(3), new(4)], [new(1), new(3)], [new(1), new(300)]);

    private static readonly LogEntry[] Entries =
    [
        new(new LogIndex(8), new Term(2), EntryKind.Empty, default),
        new(new LogIndex(9), new Term(3), EntryKind.Command, new byte[] { 1, 2, 3 }),
        new(new LogIndex(10), new Term(3), EntryKind.Membership, Joint.ToBytes()),
    ];

    // A change of a byte here is a change of the protocol, and needs a test of the upgrade.
    public static TheoryData<RaftMessage, string> Layouts => new()
    {
        { RaftMessage.PreVote(new Term(300), new LogIndex(7), new Term(2)), "01AC020702" },
        { RaftMessage.PreVoteReply(new Term(3), granted: true), "020301" },
        { RaftMessage.Vote(new Term(3), new LogIndex(7), new Term(2), isTransfer: true), "0303070201" },
        { RaftMessage.VoteReply(new Term(3), granted: false), "040300" },
        {
            RaftMessage.Append(new Term(3), new LogIndex(7), new Term(2), new LogIndex(5), Entries),
            "0503070205" + "03" + "000200" + "010303010203" + "02030B01020304020103020" + "1AC02"
        },
        { RaftMessage.AppendMatched(new Term(3), new LogIndex(7)), "06030107" },
        { RaftMessage.AppendRefused(new Term(3), new LogIndex(7), new LogIndex(5), new Term(2)), "060300070502" },
        { RaftMessage.Heartbeat(new Term(3), 9, new LogIndex(5)), "07030905" },
        { RaftMessage.HeartbeatReply(new Term(3), 9), "080309" },
        {
            RaftMessage.SnapshotChunk(new Term(3), new LogIndex(7), new Term(2), Membership.Of([new(1)]), 4, 6, new byte[] { 255, 254 }),
            "09030702" + "050101010000" + "0406" + "02FFFE"
        },
        { RaftMessage.SnapshotReply(new Term(3), new LogIndex(7), 5, SnapshotStatus.Refused), "0A03070502" },
        { RaftMessage.TimeoutNow(new Term(3)), "0B03" },
        { RaftMessage.Quiesce(new Term(3), new LogIndex(7), new Term(2)), "0C030702" },
        { RaftMessage.RebuildAsk(new Term(3), 0x1122334455667788, new LogIndex(7)), "0D03887766554433221107" },
        { RaftMessage.RebuildTarget(new Term(3), 0x1122334455667788, new LogIndex(7)), "0E03887766554433221107" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Each_kind_is_laid_out_so_and_comes_back_equal(RaftMessage message, string hexadecimal)
    {
        var bytes = Write(message);
        Assert.Equal(hexadecimal, Convert.ToHexString(bytes));
        Assert.True(TryRead(bytes, out var read));
        Assert.Equal(Describe(message), Describe(read));
        Assert.Equal(message.ToString(), read.ToString());
    }

    [Fact]
    public void Every_kind_has_a_layout() =>
        Assert.Equal(Enum.GetValues<RaftMessageKind>(), Layouts.Select(row => row.Data.Item1.Kind).Distinct());

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_message_that_is_cut_or_has_bytes_left_over_is_refused(RaftMessage message, string hexadecimal)
    {
        Assert.NotEmpty(message.ToString());
        var bytes = Convert.FromHexString(hexadecimal);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(TryRead(bytes.AsMemory(0, length), out _), $"{length} bytes of {hexadecimal}");
        }

        Assert.False(TryRead((byte[])[.. bytes, 0], out _));
    }

    [Theory]
    [InlineData("00")]
    [InlineData("0D03")]
    [InlineData("FF03")]
    [InlineData("020302")] // a truth value that is neither
    [InlineData("0BFFFFFFFFFFFFFFFFFF01")] // a term beyond 2^62
    [InlineData("050307020503" + "030200" + "000200" + "000200")] // an unknown kind of entry
    [InlineData("0503070205FFFFFFFF07")] // more entries than bytes
    [InlineData("09030702" + "050101010000" + "0504" + "00")] // an offset beyond the end
    [InlineData("09030702" + "050101010000" + "0305" + "03FFFFFF")] // a piece beyond the end
    [InlineData("09030702" + "0601020201" + "0000" + "0000" + "00")] // a membership that is not sorted
    [InlineData("0A03070503")] // an unknown status
    public void Nonsense_is_refused(string hexadecimal) => Assert.False(TryRead(Convert.FromHexString(hexadecimal), out _));

    [Fact]
    public void Payloads_are_slices_of_what_was_received()
    {
        var bytes = Write(RaftMessage.Append(new Term(3), new LogIndex(7), new Term(2), new LogIndex(5), Entries));
        Assert.True(TryRead(bytes, out var message));
        bytes.AsSpan().Fill(9);
        Assert.Equal(9, message.Entries.Span[1].Payload.Span[0]);
    }

    [Theory]
    [InlineData("01010100" + "00", "[1]")]
    [InlineData("0102010201" + "030104", "[1 2] from [3] learners [4]")]
    [InlineData("0102010201" + "030103", "[1 2] from [3] learners [3]")]
    [InlineData("01000000", "[]")]
    [InlineData("02010100" + "00", null)] // another version
    [InlineData("01020201" + "0000", null)] // not sorted
    [InlineData("01020101" + "0000", null)] // twice
    [InlineData("01010000" + "00", null)] // node 0
    [InlineData("0101010001" + "01", null)] // a learner that is a voter
    [InlineData("01000001" + "01", null)] // learners without voters
    [InlineData("0111" + "0102030405060708090A0B0C0D0E0F1011" + "0000", null)] // too many
    public void A_membership_is_read_or_refused(string hexadecimal, string? expected)
    {
        Assert.Equal(expected is not null, Membership.TryDecode(Convert.FromHexString(hexadecimal), out var membership));
        if (expected is not null)
        {
            Assert.Equal(expected, membership.ToString());
            Assert.Equal(hexadecimal, Convert.ToHexString(membership.ToBytes()));
            Assert.True(Membership.TryDecode(membership.ToBytes(), out var again));
            Assert.Equal(membership, again);
            Assert.Equal(membership.GetHashCode(), again.GetHashCode());
        }
    }

    private static byte[] Write(RaftMessage message)
    {
        var writer = new WireWriter();
        RaftMessageCodec.Write(writer, message);
        return writer.ToArray();
    }

    private static bool TryRead(ReadOnlyMemory<byte> bytes, out RaftMessage message)
    {
        var reader = new WireReader(bytes);
        return RaftMessageCodec.TryRead(ref reader, out message);
    }

    private static string Describe(RaftMessage message) =>
        message with { Entries = default, Bytes = default, Membership = null }
        + $" {message.Membership} {Convert.ToHexString(message.Bytes.Span)} "
        + string.Join(' ', message.Entries.ToArray().Select(entry =>
            $"{entry.Index}@{entry.Term} {entry.Kind} {Convert.ToHexString(entry.Payload.Span)}"));
}
