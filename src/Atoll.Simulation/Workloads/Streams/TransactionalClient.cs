using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// A producer that writes in transactions, as Kafka's clients are: it takes over its transactional id, and so replaces whoever had it; it
/// adds partitions, appends to them, and ends the transaction. Mostly it reads committed records first, and commits with the transaction
/// how far it has come. When it does not know what became of something it asks for its next epoch, which aborts what is open; or it dies
/// without a word, and starts anew.
/// </summary>
internal sealed class TransactionalClient
{
    private static readonly Probe Replaced = Probe.Define("simulation: a transactional producer was replaced, or too late");
    private static readonly Probe Processed = Probe.Define("simulation: a transaction with what it had read was committed");

    private readonly TransactionsWorkload _owner;
    private readonly int _number;
    private readonly string _id;
    private readonly SimClient _client;
    private readonly SimClient _appender;
    private readonly Prng _prng;
    private readonly int _timeoutMilliseconds;
    private readonly int[] _sequences;
    private readonly SortedSet<int> _partitions = [];
    private Action _rest;

    // What it was given; -1 while it has none, and the epoch that it had and wants another one for.
    private long _producerId = -1;
    private short _epoch = -1;
    private bool _mustBegin = true;

    // What is committed of its progress, and where it reads on: behind that, if it was not deleted.
    private long? _position;
    private long _readFrom;

    private ObservedTransaction? _open;
    private long _to = -1;
    private bool _isToCommit;

    /// <summary>A producer.</summary>
    /// <param name="owner">The workload.</param>
    /// <param name="number">Which transactional id it has.</param>
    /// <param name="client">Its number among all clients.</param>
    /// <param name="prng">What it draws from.</param>
    public TransactionalClient(TransactionsWorkload owner, int number, int client, Prng prng)
    {
        (_owner, _number, _prng) = (owner, number, prng);
        _id = owner.IdOf(number);
        _client = owner.Streams.NewClient();
        _appender = owner.Streams.NewClient();
        _appender.IdentifiesWrites = false;
        _timeoutMilliseconds = prng.Pick([500, 3_000, 20_000]);
        _sequences = new int[owner.Streams.Partitions.Count];
        Loop = new ClientLoop(owner.Streams.Cluster, _client, client, prng, owner.Streams.Shape.ThinkMax) { Choices = Choices };
        _rest = Loop.Rest;
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    private TransactionsChecker Checker => _owner.Checker;

    private StreamPartition Source => _owner.Streams.Partitions[_number % _sequences.Length];

    /// <summary>It takes over its transactional id, which nothing hinders any more; then this is called.</summary>
    public void Settle(Action settled)
    {
        _rest = () =>
        {
            if (_mustBegin)
            {
                Init();
            }
            else
            {
                settled();
            }
        };
        Init();
    }

    private (int Weight, Action Do)[] Choices() =>
        _mustBegin ? [(1, Init), (_epoch < 0 ? 4 : 0, _rest)]
        : _open is null ? [(12, BeginWork), (6, () => Add(DrawPartitions(), isProcessing: false)), (1, Die), (1, GiveUp), (2, FetchAny)]
        : [
            (12, Append), (_isToCommit ? 10 : 0, CommitProgress), (_isToCommit ? 0 : 8, () => End(isCommit: true)),
            (2, () => End(isCommit: false)), (2, () => Add(DrawPartitions(), isProcessing: false)), (1, Die), (1, GiveUp),
        ];

    // Without an epoch it replaces everybody; with one it is told when it was replaced itself.
    private void Init()
    {
        var floor = Checker.EpochOf(_id);
        var init = new InitProducer(_id, _timeoutMilliseconds, _owner.NewProducerId(), _producerId, _epoch);
        Ask(writer => TransactionCommand.Write(writer, init), (told, _) =>
        {
            switch (told.Status)
            {
                case TransactionStatus.Ok:
                    Checker.TakenOver(_id, told, floor);
                    (_producerId, _epoch, _mustBegin, _position) = (told.ProducerId, told.Epoch, false, null);
                    Array.Clear(_sequences);
                    _rest();
                    break;
                case TransactionStatus.Concurrent:
                    _owner.Ends.End(_client, _id, _rest);
                    break;
                case TransactionStatus.Fenced when _epoch >= 0:
                    Replaced.Hit();
                    Die();
                    break;
                default:
                    throw Unexpected("a producer that starts", told.Status);
            }
        });
    }

    // What it reads on behind is asked for once an epoch: as nobody else moves it, unless the transaction's outcome is not known.
    private void BeginWork()
    {
        if (_position is not null)
        {
            ReadSource();
            return;
        }

        Fetch(_number, found =>
        {
            _position = found;
            _readFrom = Math.Max(0, found);
            _rest();
        });
    }

    private void FetchAny() => Fetch(_prng.NextInt(0, _owner.Streams.Shape.TransactionalIds - 1), _ => _rest());

    private void Fetch(int number, Action<long> found) => _owner.Registers.Fetch(
        _client, _owner.Groups, TransactionsWorkload.Group, _number, number, _owner.Streams.EndsWell, result =>
        {
            if (result.Response.Status == ResponseStatus.Ok)
            {
                found(GroupOffsets.TryRead(result.Response.Body)!.Offsets[0].Committed.Offset);
            }
            else
            {
                _rest();
            }
        });

    private void ReadSource()
    {
        var fetch = new PartitionFetch(_readFrom, _prng.Pick([1, 3_000]), true);
        var (source, floor) = (Source.Checker, Source.Checker.Floor);
        _client.Call(StreamsRequests.Fetch(Source.Shard, fetch), result =>
        {
            if (!_owner.Streams.EndsWell(result))
            {
                _rest();
                return;
            }

            var fetched = StreamsWorkload.FetchedIn(result);
            _to = source.Read(fetch, floor, fetched);
            if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange)
            {
                _readFrom = fetched.Places.Positions.LogStart;
                _rest();
            }
            else if (_to > _readFrom)
            {
                Add(DrawPartitions(), isProcessing: true);
            }
            else
            {
                _rest();
            }
        });
    }

    private int[] DrawPartitions()
    {
        var all = Enumerable.Range(0, _sequences.Length).ToArray();
        _prng.Shuffle<int>(all);
        return all[.._prng.NextInt(1, Math.Min(3, all.Length))];
    }

    private void Add(int[] partitions, bool isProcessing)
    {
        var floor = Checker.EpochOf(_id);
        string[] groups = isProcessing ? [TransactionsWorkload.Group] : [];
        var add = new AddToTransaction(_id, _producerId, _epoch, [.. partitions.Select(GroupRegisters.PlaceOf)], groups);
        Ask(writer => TransactionCommand.Write(writer, add), (told, _) =>
        {
            switch (told.Status)
            {
                case TransactionStatus.Ok:
                    TransactionsChecker.Accepted("the beginning of a transaction", _id, _epoch, floor);
                    var transaction = Checker.Of(_producerId, told.Number);
                    if (told.ProducerId != _producerId || told.Epoch != _epoch || (_open ?? transaction) != transaction)
                    {
                        throw new SafetyViolationException($"{_id} goes on with {transaction} where it had {_open}, and was told {told}");
                    }

                    _open = transaction;
                    _isToCommit |= isProcessing;
                    Begin(new ProducerTransaction(_producerId, _epoch, told.Number), partitions, groups);
                    break;
                case TransactionStatus.Concurrent when _open is null:
                    _owner.Ends.End(_client, _id, _rest);
                    break;
                case TransactionStatus.Fenced:
                    Lose();
                    break;
                default:
                    throw Unexpected("the beginning of a transaction", told.Status);
            }
        });
    }

    // It may write where it is told so, and commit; of those that do not know there is none when it goes on.
    private void Begin(ProducerTransaction transaction, int[] partitions, string[] groups)
    {
        var left = partitions.Length + groups.Length;
        var (isLost, isUnknown) = (false, false);
        foreach (var partition in partitions)
        {
            var shard = _owner.Streams.Partitions[partition].Shard;
            _client.Call(StreamsRequests.Begin(shard, transaction), result => Begun(result, success =>
            {
                var status = StreamsWorkload.ResultOf(success).Status;
                _ = status == PartitionStatus.Ok && _partitions.Add(partition);
                return status switch
                {
                    PartitionStatus.Ok => true,
                    PartitionStatus.ProducerFenced or PartitionStatus.TransactionOver => false,
                    _ => throw Unexpected("the beginning of a transaction in a partition", status),
                };
            }));
        }

        foreach (var group in groups)
        {
            var begin = new BeginGroupTransaction(group, transaction);
            _client.Call(
                GroupsRequests.Write(_owner.Groups, group, writer => GroupCommand.Write(writer, begin)),
                result => Begun(result, success => IsTaken("the beginning of a transaction", success)));
        }

        void Begun(CallResult result, Func<CallResult, bool> isTaken)
        {
            if (!_owner.Streams.EndsWell(result))
            {
                isUnknown = true;
            }
            else
            {
                isLost |= !isTaken(result);
            }

            if (--left > 0)
            {
                return;
            }

            if (isLost)
            {
                Lose();
            }
            else if (isUnknown)
            {
                GiveUp();
            }
            else
            {
                _rest();
            }
        }
    }

    private void Append()
    {
        var number = _prng.Pick([.. _partitions]);
        var partition = _owner.Streams.Partitions[number];
        var floor = Checker.EpochOf(_id);
        var batch = partition.Checker.Make(
            _owner.Streams.Batches.Make(_producerId, _epoch, _sequences[number], isTransactional: true), _open);
        _sequences[number] = ProducerSequence.Next(batch.Header.LastSequence);
        partition.Checker.Invoke(batch);
        _appender.Call(StreamsRequests.Append(partition.Shard, batch.Bytes), result =>
        {
            var isSuccess = _owner.Streams.EndsWell(result);
            if (isSuccess && StreamsWorkload.ResultOf(result).Status is PartitionStatus.ProducerFenced
                or PartitionStatus.InvalidTransactionState or PartitionStatus.UnknownProducer)
            {
                batch.UncertainTimes += result.HasUncertainAttempt ? result.Attempts : 0;
                partition.Checker.Refuse(batch);
                Lose();
                return;
            }

            NumberedProducer.Settle(partition.Checker, batch, result, isSuccess);
            if (isSuccess)
            {
                TransactionsChecker.Accepted($"{batch}", _id, _epoch, floor);
                _rest();
            }
            else
            {
                GiveUp();
            }
        });
    }

    private void CommitProgress()
    {
        var floor = Checker.EpochOf(_id);
        var write = _owner.Registers.BeginCommit(TransactionsWorkload.Group, 4_000 + _number, _number, _to);
        var (transaction, progress) = (_open!, new Progress(_position!.Value, _to, write));
        transaction.Progress = progress;
        var commit = new CommitInTransaction(
            new CommitOffsets(TransactionsWorkload.Group, new MemberIdentity("", null), -1, [write.Offset]), _producerId, _epoch);
        _client.Call(
            GroupsRequests.Write(_owner.Groups, TransactionsWorkload.Group, writer => GroupCommand.Write(writer, commit)), result =>
            {
                if (!_owner.Streams.EndsWell(result))
                {
                    GiveUp();
                }
                else if (IsTaken("a commit", result))
                {
                    TransactionsChecker.Accepted("a commit", _id, _epoch, floor);
                    _isToCommit = false;
                    _rest();
                }
                else
                {
                    Lose();
                }
            });
    }

    private void End(bool isCommit)
    {
        var (transaction, floor) = (_open!, Checker.EpochOf(_id));
        if (!isCommit)
        {
            Checker.Decide(transaction, false, "its producer never asked to commit it");
        }

        _open = null; // what comes of it others may know before this one
        var end = new EndTransaction(_id, _producerId, _epoch, isCommit);
        Ask(
            writer => TransactionCommand.Write(writer, end),
            (told, isCertain) =>
            {
                switch (told.Status)
                {
                    case TransactionStatus.Ok:
                        TransactionsChecker.Accepted("the end of a transaction", _id, _epoch, floor);
                        Ended(transaction, told, isCommit);
                        break;
                    case TransactionStatus.Fenced:
                        if (isCertain)
                        {
                            Checker.Decide(transaction, false, "its producer was too late to end it");
                        }

                        Lose();
                        break;
                    default:
                        throw Unexpected("the end of a transaction", told.Status);
                }
            });
    }

    private void Ended(ObservedTransaction transaction, in TransactionResult told, bool isCommit)
    {
        if (told.Number != transaction.Number)
        {
            throw new SafetyViolationException($"{transaction} was to be ended, and the answer is {told}");
        }

        Checker.Decide(transaction, isCommit, "its producer was told so");
        if (isCommit && transaction.Progress is { } progress)
        {
            Processed.Hit();
            (_position, _readFrom) = (progress.To, progress.To);
        }

        Forget();
        if (_prng.Chance(700_000))
        {
            _owner.Ends.End(_client, _id, _rest); // as the node that was asked does, unless it dies
        }
        else
        {
            _rest();
        }
    }

    // It was replaced, or too late: its own next epoch tells which.
    private void Lose()
    {
        Replaced.Hit();
        GiveUp();
    }

    private void GiveUp()
    {
        if (_open is { } open)
        {
            Checker.Decide(open, false, "its producer never asked to commit it");
        }

        Forget();
        _mustBegin = true;
        _rest();
    }

    private void Die()
    {
        (_producerId, _epoch) = (-1, -1);
        GiveUp();
    }

    private void Forget()
    {
        _open = null;
        _partitions.Clear();
        (_to, _isToCommit) = (-1, false);
    }

    private static bool IsTaken(string what, CallResult result) => GroupResult.TryRead(result.Response.Body)?.Status switch
    {
        GroupStatus.Ok => true,
        GroupStatus.ProducerFenced or GroupStatus.InvalidTransactionState => false,
        var status => throw Unexpected($"{what} in a group", status),
    };

    // The answer, and whether no attempt may have had an effect that it does not tell of.
    private void Ask(Action<WireWriter> command, Action<TransactionResult, bool> answered) =>
        _client.Call(TransactionsRequests.Write(_owner.Space, _id, command), result =>
        {
            if (_owner.Streams.EndsWell(result))
            {
                answered(TransactionsWorkload.ResultOf(result), !result.HasUncertainAttempt);
            }
            else
            {
                GiveUp();
            }
        });

    private static SafetyViolationException Unexpected<TStatus>(string what, TStatus status) => new($"{what} was answered {status}");
}
