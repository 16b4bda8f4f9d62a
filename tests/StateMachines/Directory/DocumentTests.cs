using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.StateMachines.Tests.Directory;

/// <summary>Documents of the directory, and spaces of other kinds than records.</summary>
public sealed class DocumentTests
{
    private readonly Replica _replica = new(new DirectoryStateMachine());

    public DocumentTests() => Do(w => DirectoryCommand.WriteInitCluster(
        w, 7, [new NodeInfo(new NodeId(1), new NodeDescription("n1", "h:1", "", "", 1, "", "", 5))], [new NodeId(1)]));

    private DirectoryView View => ((DirectoryStateMachine)_replica.State.Machine).View;

    [Fact]
    public void A_document_is_written_by_whoever_knows_its_version()
    {
        var first = Change(new DocumentChange("b", HybridTime.Zero, Bytes("1")));
        Assert.Equal(DirectoryStatus.Ok, first.Status);
        Assert.Equal(DirectoryStatus.Conflict, Change(new DocumentChange("b", HybridTime.Zero, Bytes("2"))).Status);
        var second = Change(new DocumentChange("b", first.Version, Bytes("2")), new DocumentChange("a", HybridTime.Zero, Bytes("x")));
        Assert.Equal(["a=x", "b=2"], View.Documents.Select(Words));
        Assert.True(second.Version > first.Version && View.Documents.All(document => document.Version == second.Version));
        var refused = Change(new DocumentChange("a", second.Version, null), new DocumentChange("b", first.Version, null));
        Assert.Equal((DirectoryStatus.Conflict, 1UL), (refused.Status, refused.Id));
        Assert.Equal(["a=x", "b=2"], View.Documents.Select(Words));
        Assert.Equal(DirectoryStatus.Ok, Change(new DocumentChange("a", second.Version, null)).Status);
        Assert.Equal(["b=2"], View.Documents.Select(Words));
    }

    [Fact]
    public void Documents_stay_when_anything_else_changes_and_survive_bytes_and_snapshots()
    {
        Change(new DocumentChange("d", HybridTime.Zero, Bytes("kept")));
        Do(w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", Replicas: 1)));
        Do(w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("t", Replicas: 1, Kind: SpaceKind.Rows)));
        Do(w => DirectoryCommand.WriteDropSpace(w, View.Spaces[0].Id));
        var writer = new WireWriter();
        View.Encode(writer);
        Assert.True(DirectoryView.TryDecode(writer.ToArray(), out var decoded));
        Assert.Equal(["d=kept"], decoded.Documents.Select(Words));
        Assert.Equal(SpaceKind.Rows, decoded.Spaces.Single().Options.Kind);
        var restored = new Replica(new DirectoryStateMachine());
        var target = restored.State.BeginRestore(_replica.State.AppliedIndex, default);
        Assert.True(target.Accept(_replica.Snapshot()), target.Error);
        target.Finish(Assert.Null);
        Assert.Equal(_replica.State.StateHash(), restored.State.StateHash());
    }

    [Fact]
    public void A_view_of_records_alone_has_the_bytes_of_the_first_version()
    {
        Do(w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", Replicas: 1)));
        Assert.Equal(1, Encoded()[0]);
        Do(w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("t", Replicas: 1, Kind: SpaceKind.Rows)));
        Assert.Equal(2, Encoded()[0]);
    }

    [Fact]
    public void A_space_of_the_same_name_and_another_kind_is_another_space()
    {
        Assert.Equal(DirectoryStatus.Ok, Create(new SpaceOptions("s", Replicas: 1, Kind: SpaceKind.Rows)).Status);
        Assert.Equal(DirectoryStatus.Ok, Create(new SpaceOptions("s", Replicas: 1, Kind: SpaceKind.Rows)).Status);
        Assert.Equal(DirectoryStatus.AlreadyExists, Create(new SpaceOptions("s", Replicas: 1)).Status);
        Assert.Equal(DirectoryStatus.Invalid, Create(new SpaceOptions("x", Replicas: 1, Kind: (SpaceKind)9)).Status);
    }

    [Fact]
    public void Documents_are_bounded()
    {
        Assert.Equal(
            DirectoryStatus.Invalid, Change(new DocumentChange("a", HybridTime.Zero, new byte[Limits.DocumentBytesMax + 1])).Status);
        Assert.Equal(DirectoryStatus.Invalid, Change(new DocumentChange("", HybridTime.Zero, Bytes("x"))).Status);
        var full = Enumerable.Range(0, Limits.DocumentBytesTotalMax / Limits.DocumentBytesMax).Select(i =>
            new DocumentChange($"d{i}", HybridTime.Zero, new byte[Limits.DocumentBytesMax])).ToArray();
        Assert.Equal(DirectoryStatus.Ok, Change(full).Status);
        Assert.Equal(DirectoryStatus.LimitReached, Change(new DocumentChange("one more", HybridTime.Zero, Bytes("x"))).Status);
        Assert.Equal(full.Length, View.Documents.Length);
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Words(DirectoryDocument document) => $"{document.Name}={Encoding.UTF8.GetString(document.Value.Span)}";

    private byte[] Encoded()
    {
        var writer = new WireWriter();
        View.Encode(writer);
        return writer.ToArray();
    }

    private DirectoryResult Create(SpaceOptions options) => Do(w => DirectoryCommand.WriteCreateSpace(w, options));

    private DirectoryResult Change(params DocumentChange[] changes) => Do(w => DirectoryCommand.WriteChangeDocuments(w, changes));

    private DirectoryResult Do(Action<WireWriter> command)
    {
        Assert.True(DirectoryResult.TryRead(_replica.Propose(command).Result, out var result));
        return result;
    }
}
