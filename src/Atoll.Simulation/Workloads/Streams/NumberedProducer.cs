using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// An idempotent producer of one partition, as Kafka's clients are: up to five batches under way at once, each sent again until it is
/// acknowledged; or it gives up, and begins anew with the next epoch.
/// </summary>
/// <param name="client">Who sends.</param>
/// <param name="shard">The partition.</param>
/// <param name="checker">Judges what it is told.</param>
/// <param name="batches">Makes its batches.</param>
/// <param name="prng">Decides how many batches it sends at once, and when it gives up.</param>
/// <param name="producerId">Its number.</param>
/// <param name="endsWell">Whether a call succeeded; counts it.</param>
internal sealed class NumberedProducer(
    SimClient client, ShardId shard, PartitionChecker checker, WorkloadBatches batches, Prng prng, long producerId,
    Func<CallResult, bool> endsWell)
{
    private const int UnderWayMax = 5;

    private static readonly Probe GaveUp = Probe.Define("simulation: a producer gave up a batch, and went to its next epoch");
    private static readonly Probe SentAgain = Probe.Define("simulation: a producer sent a batch again in a later call");

    // In the order of their numbers; what is acknowledged goes.
    private readonly List<SentBatch> _open = [];
    private short _epoch;

    // Batches made from the first open one on, that one included.
    private int _behindOpen;
    private int _sequence;

    /// <summary>Sends what is not acknowledged yet, and mostly something new.</summary>
    /// <param name="done">All of it has ended, well or not.</param>
    public void Send(Action done)
    {
        if (_open.Count > 0 && prng.Chance(150_000))
        {
            GaveUp.Hit();
            _open.Clear();
            _epoch++;
            _sequence = 0;
        }

        if (_open.Count > 0)
        {
            SentAgain.Hit();
        }

        // Counted from the first that is not acknowledged: the partition remembers five, and whoever sends more does not get its answer.
        _behindOpen = _open.Count == 0 ? 0 : _behindOpen;
        for (var more = prng.NextInt(_open.Count > 0 ? 0 : 1, 3); more > 0 && _behindOpen < UnderWayMax; more--)
        {
            _behindOpen++;
            var batch = checker.Make(batches.Make(producerId, _epoch, _sequence));
            _sequence = ProducerSequence.Next(batch.Header.LastSequence);
            _open.Add(batch);
        }

        var left = _open.Count;
        foreach (var batch in _open.ToArray())
        {
            SendOne(batch, () =>
            {
                if (--left == 0)
                {
                    done();
                }
            });
        }
    }

    /// <summary>Tells the checker what an append came to, when it was not refused by the partition's rules.</summary>
    public static void Settle(PartitionChecker checker, SentBatch batch, CallResult result, bool isSuccess)
    {
        batch.UncertainTimes += result.HasUncertainAttempt ? result.Attempts : 0;
        if (!isSuccess)
        {
            if (!result.HasUncertainAttempt)
            {
                checker.Refuse(batch);
            }

            return;
        }

        var answer = StreamsWorkload.ResultOf(result);
        if (answer.Status != PartitionStatus.Ok)
        {
            throw new SafetyViolationException($"{batch} was answered {answer.Status}");
        }

        checker.Acknowledge(batch, answer);
    }

    private void SendOne(SentBatch batch, Action done)
    {
        // All before it are acknowledged: nothing but that it is there already can be in its way.
        var isNext = ReferenceEquals(_open[0], batch);
        checker.Invoke(batch);
        client.Call(StreamsRequests.Append(shard, batch.Bytes), result =>
        {
            var isSuccess = endsWell(result);
            if (isSuccess && !isNext && StreamsWorkload.ResultOf(result).Status == PartitionStatus.OutOfOrderSequence)
            {
                // It overtook another one. What became of an earlier attempt is as uncertain as it was.
                batch.UncertainTimes += result.HasUncertainAttempt ? 1 : 0;
            }
            else
            {
                Settle(checker, batch, result, isSuccess);
            }

            if (batch.AcknowledgedAt >= 0)
            {
                _open.Remove(batch);
            }

            done();
        });
    }
}
