using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Requests;

namespace Atoll.Node.Eventual;

/// <summary>
/// The way from what replicas of eventual shards say to each other into a replica of this loop: commands for its own log, queries of its
/// own state.
/// </summary>
internal sealed class LocalRequests(Router router)
{
    // Long enough for a disk that stutters; whoever asked has given up by then.
    private static readonly Duration Timeout = Duration.FromSeconds(10);

    /// <summary>Puts a command into the replica's log that was written behind the header of its entry.</summary>
    /// <param name="shard">The shard; a replica of it lives on this loop, or the answer is a refusal.</param>
    /// <param name="envelope">The entry's payload, with no stamp yet; given away.</param>
    /// <param name="done">Told of the end: applied and durable when it is Ok.</param>
    /// <param name="now">The time.</param>
    public void Write(ShardId shard, byte[] envelope, IResponseSink done, Instant now)
    {
        var isEnvelope = CommandEnvelope.TryRead(envelope, out var command);
        Check.That(isEnvelope);
        router.SubmitLocal(
            new Request
            {
                Kind = RequestKind.Write, Shard = shard, Payload = command.Command, Envelope = envelope, Timeout = Timeout,
            },
            done,
            now);
    }

    /// <summary>Puts a command into the replica's log.</summary>
    /// <param name="shard">The shard; a replica of it lives on this loop, or the answer is a refusal.</param>
    /// <param name="command">The command; kept.</param>
    /// <param name="done">The end: applied and durable when it is Ok.</param>
    /// <param name="now">The time.</param>
    public void Write(ShardId shard, ReadOnlyMemory<byte> command, Action<Response> done, Instant now) =>
        router.SubmitLocal(
            new Request { Kind = RequestKind.Write, Shard = shard, Payload = command, Timeout = Timeout }, new Sink(done), now);

    /// <summary>
    /// Asks the replica's state, with everything in it that its log has: after a start, what was acknowledged before may not be applied
    /// yet.
    /// </summary>
    public void Read(ShardId shard, ReadOnlyMemory<byte> query, Action<Response> done, Instant now) =>
        router.SubmitLocal(
            new Request { Kind = RequestKind.Read, Shard = shard, Level = ReadLevel.Linearizable, Payload = query, Timeout = Timeout },
            new Sink(done),
            now);

    private sealed class Sink(Action<Response> done) : IResponseSink
    {
        public void Complete(Request request, in Response response) => done(response);
    }
}
