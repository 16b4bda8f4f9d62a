using Atoll.Foundation.Time;
using Atoll.Foundation;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>The directory's own shard.</summary>
internal sealed class DirectoryPolicy : IShardPolicy
{
    public bool IsStored => false;

    public IStateMachine NewMachine(IStateTree? tree) => new DirectoryStateMachine();

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) =>
        command.Length > Limits.EntryBytesMax - CommandEnvelope.HeaderBytesMax
            ? new Response(ResponseStatus.TooLarge, Detail: "the command is larger than a log entry may be")
            : null;

    // The directory is small, and what is done about a full disk may have to be written there.
    public bool TakesSpace(ReadOnlyMemory<byte> command) => false;

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        DirectoryQuery.TryReadAnswer(answer, out var view) && view is null;

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine)
    {
        var view = ((DirectoryStateMachine)machine).View;
        return (view.Nodes.Length + view.Spaces.Length + view.Shards.Length, 0);
    }
}
