using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Bytes that are given away belong to whoever gets them, whatever is written with the same means afterwards.</summary>
public sealed class VersionBytesTests
{
    [Fact]
    public void Versions_that_were_made_with_one_writer_share_no_bytes()
    {
        var scratch = new WireWriter();
        var versions = Enumerable.Range(0, 50).Select(i => (Alone: VersionOf(i, null), Shared: VersionOf(i, scratch))).ToList();
        scratch.Reset();
        scratch.GetSpan(4096)[..4096].Fill(0xEE);

        Assert.All(versions, version => Assert.Equal(version.Alone.ToArray(), version.Shared.ToArray()));
    }

    [Fact]
    public void A_row_that_is_written_whole_again_is_stored_as_it_came()
    {
        var one = new EventualReplica();
        var other = new EventualReplica();
        foreach (var i in new[] { 3, 1, 2, 9, 4, 4, 9 })
        {
            one.Merge(VersionOf(i, null));
        }

        foreach (var i in new[] { 9, 4, 2, 1, 3 })
        {
            other.Merge(VersionOf(i, null));
        }

        Assert.Equal(one.Machine.Hashes.Root, other.Machine.Hashes.Root);
        Assert.Equal(one.Machine.Bytes, other.Machine.Bytes);
    }

    private static ReadOnlyMemory<byte> VersionOf(int number, WireWriter? scratch)
    {
        var key = Encoding.ASCII.GetBytes("p");
        var cells = new[] { CellWrite.Put(1, new byte[100 + number]), CellWrite.Put(2, Encoding.ASCII.GetBytes($"v{number}")) };
        return RowsVersion.OfMutation(
            [new PartitionMutation(5, key, [RowOperation.Upsert(Encoding.ASCII.GetBytes("a"), cells, writesMarker: true)])],
            1_000 + number, HybridTime.FromUnixMilliseconds(1_000 + number), new NodeId(1), scratch);
    }
}
