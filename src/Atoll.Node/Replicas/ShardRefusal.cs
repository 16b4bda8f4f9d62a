using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.StateMachines.Records;

namespace Atoll.Node.Replicas;

/// <summary>The answers to commands that are not proposed.</summary>
internal static class ShardRefusal
{
    /// <summary>Whether a command's keys belong to the shard cannot be told.</summary>
    public static readonly Response RangeUnknown =
        new(ResponseStatus.StaleRoute, Detail: "the shard's node does not know the shard's range yet");

    /// <summary>What a fault in a command means for its sender; null when there is none.</summary>
    public static Response? Of(in CommandFault fault, ShardId shard) => fault.Kind switch
    {
        CommandFaultKind.None => null,
        CommandFaultKind.TooLarge => new Response(ResponseStatus.TooLarge, Shard: shard, Detail: fault.Detail),
        _ => new Response(ResponseStatus.Invalid, Shard: shard, Detail: fault.Detail),
    };
}
