using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Eventual;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of records that keep siblings, through any nodes and at any consistency level: gets; puts and deletions with the context of a
/// get, fresh or old, or with none; scans. No write is lost that nobody had read when they wrote.
/// </summary>
public sealed class SiblingsWorkload : ConcurrentWritesWorkload
{
    /// <summary>A workload on a space that exists.</summary>
    internal SiblingsWorkload(SimCluster cluster, SpaceId space, SiblingsChecker checker, WorkloadShape shape, Prng prng)
        : base(cluster, space, checker, shape, prng)
    {
    }

    private protected override ClientLoop NewLoop(int number) => new Worker(this, number).Loop;

    private protected override Request ProbeOf(string key) =>
        RecordsRequests.PutSibling(Space, key, default, NumberedValue.Make(++Numbers, 8));

    private protected override HashSet<long> NumbersIn(ReadOnlyMemory<byte> value) => NumbersIn(SiblingsOf(value));

    private static HashSet<long> NumbersIn(RecordSiblings siblings) =>
        [.. siblings.Values.Select(static sibling => NumberedValue.Read(sibling.Value.Span))];

    private static RecordSiblings SiblingsOf(ReadOnlyMemory<byte> value) => value.IsEmpty ? RecordSiblings.None
        : RecordSiblings.TryRead(value, out var siblings)
            ? siblings : throw new SafetyViolationException("siblings were answered that cannot be read");

    private void Write(
        SimClient client, string key, ReadOnlyMemory<byte> context, IReadOnlySet<long> seen, int bytes, ConsistencyLevel level, Action done)
    {
        var number = bytes == 0 ? 0 : ++Numbers;
        var attempt = Checker.Invoke(key, number, seen);
        var request = RecordsRequests.PutSibling(Space, key, context, number == 0 ? null : NumberedValue.Make(number, bytes));
        Write(client, request, [attempt], level, done);
    }

    private sealed class Worker
    {
        private readonly SiblingsWorkload _owner;
        private readonly SimClient _client;
        private readonly Prng _prng;

        // What it has read of a record: perhaps long ago.
        private readonly Dictionary<string, (ReadOnlyMemory<byte> Context, HashSet<long> Seen)> _read = new(StringComparer.Ordinal);

        public Worker(SiblingsWorkload owner, int number)
        {
            _owner = owner;
            _prng = owner.Prng.Fork();
            _client = owner.NewClient();
            Loop = owner.NewLoop(_client, number, _prng, Choices);
        }

        public ClientLoop Loop { get; }

        private (int Weight, Action Do)[] Choices() =>
        [
            (20, () => Read(Key(), Loop.Rest)),
            (10, () => _owner.Scan(_client, _prng, Loop.Rest)),
            (40, Update),
            (12, () => WriteWithOld(ValueBytes())),
            (6, () => _owner.Write(_client, Key(), default, new HashSet<long>(), ValueBytes(), Level(), Loop.Rest)),
            (5, () => WriteWithOld(0)),
        ];

        private string Key() => _prng.Pick(_owner.Keys);

        private void Update()
        {
            var key = Key();
            Read(key, () => WriteAfter(key, _prng.Chance(850_000) ? ValueBytes() : 0));
        }

        private void WriteWithOld(int bytes) => WriteAfter(Key(), bytes);

        private void WriteAfter(string key, int bytes)
        {
            if (!_read.TryGetValue(key, out var read) || (bytes == 0 && read.Context.IsEmpty))
            {
                Loop.Rest();
                return;
            }

            _owner.Write(_client, key, read.Context, read.Seen, bytes, Level(), Loop.Rest);
        }

        private void Read(string key, Action done) => _owner.Get(_client, key, Level(isRead: true), (_, value) =>
        {
            if (value is { } found)
            {
                var siblings = SiblingsOf(found);
                _read[key] = (siblings.Context.ToArray(), NumbersIn(siblings));
            }

            done();
        });

        private int ValueBytes() => _prng.NextInt(NumberedValue.BytesMin, _owner.ValueBytesMax);

        private ConsistencyLevel Level(bool isRead = false) => DrawLevel(_prng, isRead);
    }
}
