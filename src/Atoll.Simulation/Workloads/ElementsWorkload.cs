using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Eventual;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Clients of records that are maps, through any nodes and at any consistency level: several elements are put at once, by as many clients
/// as there are, and some are removed; records are read and scanned. No element is lost that nobody has removed, and none shows what was
/// not put under it.
/// </summary>
public sealed class ElementsWorkload : ConcurrentWritesWorkload
{
    private const int AtOnceMax = 3;

    /// <summary>A workload on a space that exists.</summary>
    internal ElementsWorkload(SimCluster cluster, SpaceId space, SiblingsChecker checker, WorkloadShape shape, Prng prng)
        : base(cluster, space, checker, shape, prng)
    {
    }

    private protected override ClientLoop NewLoop(int number) => new Worker(this, number).Loop;

    private protected override Request ProbeOf(string key) => RecordsRequests.Change(Space, key, PutOf(++Numbers, 8));

    private protected override HashSet<long> NumbersIn(ReadOnlyMemory<byte> value)
    {
        if (value.IsEmpty)
        {
            return [];
        }

        if (!RecordElements.TryRead(value, out var elements) || elements.Count == 0)
        {
            throw new SafetyViolationException("elements were answered that cannot be read");
        }

        var numbers = new HashSet<long>();
        foreach (var element in elements)
        {
            var number = NumberedValue.Read(element.Value.Span);
            if (!element.Name.Span.SequenceEqual(NameOf(number)) || !numbers.Add(number))
            {
                throw new SafetyViolationException($"{Encoding.UTF8.GetString(element.Name.Span)} has the value of {number}");
            }
        }

        return numbers;
    }

    private static byte[] NameOf(long number) => Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    private static ElementChange PutOf(long number, int bytes) => ElementChange.Put(NameOf(number), NumberedValue.Make(number, bytes));

    private sealed class Worker
    {
        private readonly ElementsWorkload _owner;
        private readonly SimClient _client;
        private readonly Prng _prng;
        private readonly Dictionary<string, HashSet<long>> _read = new(StringComparer.Ordinal);

        public Worker(ElementsWorkload owner, int number)
        {
            _owner = owner;
            _prng = owner.Prng.Fork();
            _client = owner.NewClient();
            Loop = owner.NewLoop(_client, number, _prng, Choices);
        }

        public ClientLoop Loop { get; }

        private (int Weight, Action Do)[] Choices() =>
        [
            (30, Read),
            (10, () => _owner.Scan(_client, _prng, Loop.Rest)),
            (40, () => Change(puts: _prng.NextInt(1, AtOnceMax), removes: false)),
            (10, () => Change(puts: 0, removes: true)),
            (10, () => Change(puts: 1, removes: true)),
        ];

        // What is removed is something that was read: nobody writes it again, and it stays away unless a doubled request is late.
        private void Change(int puts, bool removes)
        {
            var key = _prng.Pick(_owner.Keys);
            var removed = removes && _read.TryGetValue(key, out var seen) && seen.Count > 0 ? _prng.Pick([.. seen.Order()]) : 0;
            if (puts == 0 && removed == 0)
            {
                Loop.Rest();
                return;
            }

            var changes = new List<ElementChange>();
            var attempts = new List<SiblingAttempt>();
            for (; puts > 0; puts--)
            {
                var number = ++_owner.Numbers;
                changes.Add(PutOf(number, _prng.NextInt(NumberedValue.BytesMin, _owner.ValueBytesMax)));
                attempts.Add(_owner.Checker.Invoke(key, number, new HashSet<long>()));
            }

            if (removed > 0)
            {
                changes.Add(ElementChange.Remove(NameOf(removed)));
                attempts.Add(_owner.Checker.Invoke(key, 0, new HashSet<long> { removed }));
            }

            var request = RecordsRequests.Change(
                _owner.Space, key, [.. changes.OrderBy(static change => change.Name, KeyOrder.Instance)]);
            _owner.Write(_client, request, attempts, DrawLevel(_prng, isRead: false), Loop.Rest);
        }

        private void Read()
        {
            var key = _prng.Pick(_owner.Keys);
            _owner.Get(_client, key, DrawLevel(_prng, isRead: true), (_, value) =>
            {
                if (value is { } found)
                {
                    _read[key] = _owner.NumbersIn(found);
                }

                Loop.Rest();
            });
        }
    }
}
