using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// The transactional producers of a workload of streams, one or several at once for each transactional id, and those who see to it that
/// transactions end everywhere, as nodes do.
/// </summary>
internal sealed class TransactionsWorkload : IStreamsPart
{
    /// <summary>The group in which the progress of the so many-th transactional id is the offset of the so many-th partition.</summary>
    public const string Group = "progress";

    private readonly SpaceId _space;
    private readonly Prng _prng;
    private readonly string[] _ids;
    private readonly List<TransactionalClient> _clients = [];
    private readonly List<TransactionFinisherLoop> _finishers = [];

    // Above those of producers without transactions, which are few.
    private long _lastProducerId = 1_000;

    /// <summary>Transactional producers on spaces that exist.</summary>
    /// <param name="streams">The workload that they are part of.</param>
    /// <param name="space">The space of transactions.</param>
    /// <param name="groups">The space of groups.</param>
    /// <param name="registers">Where commits of offsets are written.</param>
    /// <param name="prng">What they draw from.</param>
    public TransactionsWorkload(StreamsWorkload streams, SpaceId space, SpaceId groups, GroupRegisters registers, Prng prng)
    {
        (Streams, _space, Groups, Registers, _prng) = (streams, space, groups, registers, prng);
        Checker = new TransactionsChecker(registers);
        Ends = new TransactionEndings(this);
        Shards = [.. streams.Cluster.Directory.ShardsOf(space).ToArray().Select(static shard => shard.Id)];
        _ids = [.. Enumerable.Range(0, streams.Shape.TransactionalIds).Select(static number => $"t{number}")];
        for (var number = 0; number < _ids.Length; number++)
        {
            for (var instances = prng.Pick([1, 1, 2, 3]); instances > 0; instances--)
            {
                _clients.Add(new TransactionalClient(this, number, 1_000 + _clients.Count, prng.Fork()));
            }
        }

        for (var finishers = prng.NextInt(1, 2); finishers > 0; finishers--)
        {
            _finishers.Add(new TransactionFinisherLoop(this, 2_000 + _finishers.Count, prng.Fork()));
        }
    }

    /// <inheritdoc />
    public int Busy =>
        _clients.Count(static client => client.Loop.IsBusy) + _finishers.Count(static finisher => finisher.Loop.IsBusy);

    public StreamsWorkload Streams { get; }

    public SpaceId Groups { get; }

    public GroupRegisters Registers { get; }

    public TransactionsChecker Checker { get; }

    public TransactionEndings Ends { get; }

    public SpaceId Space => _space;

    /// <summary>The shards of transactions, which stay what they are.</summary>
    public IReadOnlyList<ShardId> Shards { get; }

    /// <summary>A number that no producer has.</summary>
    public long NewProducerId() => ++_lastProducerId;

    /// <summary>The name of the so many-th transactional id.</summary>
    public string IdOf(int number) => _ids[number];

    /// <inheritdoc />
    public void Start()
    {
        _clients.ForEach(static client => client.Loop.Rest());
        _finishers.ForEach(static finisher => finisher.Loop.Rest());
    }

    /// <inheritdoc />
    public void Stop()
    {
        _clients.ForEach(static client => client.Loop.Stop());
        _finishers.ForEach(static finisher => finisher.Loop.Stop());
    }

    /// <summary>A producer takes over an id of its own, through a node, in each shard.</summary>
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        Streams.Cluster,
        _space,
        Streams.NewClient(),
        through,
        (shard, position) =>
        {
            var id = ProvingCalls.KeyIn(shard, $"probe{through.Id}-{position}-", TransactionCommand.HashOf);
            var init = new InitProducer(id, 60_000, NewProducerId(), -1, -1);
            return TransactionsRequests.Write(_space, id, writer => TransactionCommand.Write(writer, init));
        },
        done);

    /// <summary>A new producer takes over each transactional id: then all transactions have ended, everywhere.</summary>
    public void Settle(Action done)
    {
        Next(0);

        void Next(int number)
        {
            if (number == _ids.Length)
            {
                done();
            }
            else
            {
                new TransactionalClient(this, number, 3_000 + number, _prng.Fork()).Settle(() => Next(number + 1));
            }
        }
    }

    /// <summary>Fetches how far each transactional id has come.</summary>
    public void ReadEverything(Action done)
    {
        var client = Streams.NewClient();
        client.BePatient();
        ProvingCalls.ReadAll(
            [
                .. _ids.Select((id, number) => new LastRead($"the progress of {id}", ended => Registers.Fetch(
                    client, Groups, Group, -1, number, Streams.EndsWell, result =>
                    {
                        if (GroupOffsets.TryRead(result.Response.Body) is { } offsets)
                        {
                            Checker.CheckProgress(id, offsets.Offsets[0].Committed.Offset);
                        }

                        ended(result);
                    }))),
            ],
            done);
    }

    /// <summary>The answer to a command of a transactional id.</summary>
    public static TransactionResult ResultOf(CallResult result) => TransactionResult.TryRead(result.Response.Body, out var read)
        ? read : throw new SafetyViolationException("the answer to a command of a transactional id cannot be read");

    /// <summary>The transactional ids that a coordinator answered with.</summary>
    public IReadOnlyList<TransactionalProducer> FoundIn(CallResult result)
    {
        if (TransactionsPage.TryRead(result.Response.Body) is not { Status: TransactionStatus.Ok } page)
        {
            throw new SafetyViolationException("the answer of a coordinator of transactions cannot be read");
        }

        foreach (var producer in page.Producers)
        {
            Checker.Found(producer);
        }

        return page.Producers;
    }
}
