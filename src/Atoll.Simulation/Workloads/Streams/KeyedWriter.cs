using System.Globalization;
using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// A producer of a partition that is compacted: values and tombstones of a few keys, partly in transactions, of which some are aborted. It
/// does one thing after the other, each again and again until it is acknowledged. Its batches are numbered, and its transactions, too: so
/// each is there once.
/// </summary>
internal sealed class KeyedWriter
{
    private static readonly RecordCompression[] Compressions =
        [RecordCompression.None, RecordCompression.None, RecordCompression.Lz4, RecordCompression.Zstandard];

    private readonly CompactedPartition _partition;
    private readonly SimClient _client;
    private readonly Prng _prng;
    private readonly long _producerId;
    private readonly bool _isTransactional;
    private readonly int _keys;
    private readonly List<KeyedRecord> _inTransaction = [];
    private int _sequence;
    private int _number = -1;
    private bool _isOpen;
    private Request? _pending;
    private Action<PartitionResult> _acknowledged = static _ => { };

    /// <summary>A producer.</summary>
    /// <param name="owner">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="number">Its number: it is its producer's, too.</param>
    /// <param name="prng">What it draws from.</param>
    public KeyedWriter(CompactedTopic owner, CompactedPartition partition, int number, Prng prng)
    {
        (_partition, _prng, _producerId) = (partition, prng, number);
        _client = owner.Streams.NewClient();
        _client.IdentifiesWrites = false;
        _isTransactional = prng.Chance(400_000);
        _keys = prng.Pick([3, 12, 60]);
        Loop = new ClientLoop(owner.Streams.Cluster, _client, number, prng, owner.Streams.Shape.ThinkMax) { Choices = Choices };
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    /// <summary>It finishes what it is at, which nothing hinders any more; then this is called.</summary>
    public void Settle(Action settled)
    {
        if (_pending is null && !_isOpen)
        {
            settled();
            return;
        }

        if (_pending is null)
        {
            End(_prng.Chance(500_000));
        }

        Send(() => Settle(settled));
    }

    private (int Weight, Action Do)[] Choices() => [(1, () =>
    {
        if (_pending is null)
        {
            Draw();
        }

        Send(Loop.Rest);
    })];

    private void Draw()
    {
        if (!_isTransactional)
        {
            Append();
        }
        else if (!_isOpen)
        {
            _number++;
            _isOpen = true;
            _pending = StreamsRequests.Begin(_partition.Shard, new ProducerTransaction(_producerId, 0, _number));
            _acknowledged = static _ => { };
        }
        else if (_prng.Chance(700_000))
        {
            Append();
        }
        else
        {
            End(_prng.Chance(600_000));
        }
    }

    private void Append()
    {
        var builder = new RecordBatchBuilder { Compression = _prng.Pick(Compressions) };
        var records = new List<KeyedRecord>();
        for (var left = _prng.NextInt(1, 5); left > 0; left--)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"key {_prng.NextInt(0, _keys)}");
            var value = _prng.Chance(200_000) ? null : new byte[_prng.NextInt(1, 80)];
            value?.AsSpan().Fill((byte)_prng.NextInt('a', 'z'));
            var record = _partition.Checker.Make(key, value);
            records.Add(record);
            builder.Add(record.Number, Encoding.UTF8.GetBytes(key), value is null ? default(ReadOnlyMemory<byte>?) : value);
        }

        var batch = builder.Build(_producerId, 0, _sequence, _isTransactional);
        _sequence = ProducerSequence.Add(_sequence, records.Count);
        _inTransaction.AddRange(_isTransactional ? records : []);
        _pending = StreamsRequests.Append(_partition.Shard, batch);
        _acknowledged = result => _partition.Checker.Acknowledge(records, result.BaseOffset, isCommitted: !_isTransactional);
    }

    private void End(bool isCommit)
    {
        _pending = StreamsRequests.End(
            _partition.Shard, new TransactionMarker(_producerId, 0, isCommit, _number), WorkloadBatches.TimestampOf(_number));
        _acknowledged = _ =>
        {
            _isOpen = false;
            _inTransaction.ForEach(record => _partition.Checker.Decide(record, isCommit));
            _inTransaction.Clear();
        };
    }

    private void Send(Action done) => _client.Call(_pending!, result =>
    {
        if (ProvingCalls.IsSuccess(result))
        {
            var answer = StreamsWorkload.ResultOf(result);
            if (answer.Status != PartitionStatus.Ok)
            {
                throw new SafetyViolationException($"producer {_producerId} of {_partition.Shard} was answered {answer.Status}");
            }

            _pending = null;
            _acknowledged(answer);
        }

        done();
    });
}
