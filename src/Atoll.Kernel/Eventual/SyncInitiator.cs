using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// The side that conducts one exchange: it compares the two replicas' trees from the root, level by level where they differ, lists the
/// partitions of leaves that differ, and has those that differ sent both ways (Dynamo, 2007, section 4.7). Every step can be asked again,
/// and after a failure a new exchange finds what is already equal equal: so it resumes by itself. The trees may change meanwhile: two
/// equal hashes mean equal data, whenever each was taken.
/// </summary>
public sealed class SyncInitiator
{
    private readonly SyncOptions _options;
    private readonly MerkleTree _tree;
    private readonly ulong _exchange;
    private readonly Stack<int> _toCompare = new();
    private readonly Queue<int> _leaves = new();
    private readonly Queue<ReadOnlyMemory<byte>> _toSend = new();
    private readonly HashSet<UInt128> _awaited = [];
    private readonly HashSet<UInt128> _taken = [];
    private readonly HorizonReport _own;
    private HorizonReport _other;
    private SyncMessage _asked;
    private ulong _sequence;
    private int _leaf;
    private ReadOnlyMemory<byte> _afterKey;
    private ReadOnlyMemory<byte> _throughKey;
    private int _offered;
    private bool _isListing;
    private bool _isPage;
    private Instant _askedAt;
    private Instant _heardAt;
    private Instant _sentThrough;

    /// <summary>Begins an exchange.</summary>
    /// <param name="options">The table.</param>
    /// <param name="tree">This replica's tree of the range.</param>
    /// <param name="exchange">A number that this node has not used before.</param>
    /// <param name="own">Where this replica is; durable.</param>
    /// <param name="now">The time.</param>
    public SyncInitiator(SyncOptions options, MerkleTree tree, ulong exchange, in HorizonReport own, Instant now)
    {
        _options = options;
        _tree = tree;
        _exchange = exchange;
        _own = own;
        _heardAt = now;
        _sentThrough = now;
        Ask(
            new SyncMessage
            {
                Kind = SyncMessageKind.Open, FirstToken = tree.FirstToken, LastToken = tree.LastToken, Depth = tree.Depth, Report = own,
            },
            now);
    }

    /// <summary>What is to be done. The host goes through it after every call, and clears it.</summary>
    public SyncEffects Effects { get; } = new();

    /// <summary>The exchange is over, well or not.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Leaves that differed, as far as is known.</summary>
    public int LeavesDiffering { get; private set; }

    /// <summary>Leaves of those that are equal now.</summary>
    public int LeavesDone { get; private set; }

    /// <summary>Partitions sent to the other side.</summary>
    public long PartitionsSent { get; private set; }

    /// <summary>Partitions taken from the other side.</summary>
    public long PartitionsTaken { get; private set; }

    /// <summary>When <see cref="Tick"/> may have something to do.</summary>
    public Instant NextDeadline =>
        IsOver ? Instant.Never
        : _toSend.Count > 0 ? Instant.Min(_sentThrough, _heardAt + _options.GiveUpAfter)
        : Instant.Min(_askedAt + _options.ResendAfter, _heardAt + _options.GiveUpAfter);

    /// <summary>Takes the other side's message.</summary>
    public void Step(in SyncMessage message, Instant now)
    {
        if (IsOver || message.Exchange != _exchange)
        {
            return;
        }

        switch (message.Kind)
        {
            case SyncMessageKind.Refused:
                Fail();
                break;
            case SyncMessageKind.Opened when IsAnswer(message, SyncMessageKind.Open, now):
                _other = message.Report;
                _toCompare.Push(1);
                Advance(now);
                break;
            case SyncMessageKind.Mismatches when IsAnswer(message, SyncMessageKind.Hashes, now):
                OnMismatches(message, now);
                break;
            case SyncMessageKind.Wanted when IsAnswer(message, SyncMessageKind.Partitions, now):
                OnWanted(message, now);
                break;
            case SyncMessageKind.Data when message.Sequence == _sequence && _isPage:
                _heardAt = now;
                _askedAt = now;
                Effects.Add(new SyncEffect { Kind = SyncEffectKind.Merge, Message = message });
                break;
            case SyncMessageKind.Taken when message.Sequence == _sequence && _awaited.Remove(KeyHash(message.Key)):
                _heardAt = now;
                _askedAt = now;
                FinishPage(now);
                break;
        }
    }

    /// <summary>Answers a List effect.</summary>
    /// <param name="partitions">In the order of keys.</param>
    /// <param name="isComplete">Whether these are all, to the leaf's end.</param>
    /// <param name="now">The time.</param>
    public void Listed(ImmutableArray<PartitionHash> partitions, bool isComplete, Instant now)
    {
        if (IsOver || !_isListing)
        {
            return;
        }

        _isListing = false;
        Check.That(isComplete || partitions.Length > 0);
        Ask(
            new SyncMessage
            {
                Kind = SyncMessageKind.Partitions,
                Nodes = [_leaf],
                Key = _afterKey,
                ThroughKey = isComplete ? default : partitions[^1].Key,
                Partitions = partitions,
            },
            now);
    }

    /// <summary>The partition of a Merge effect is merged and durable.</summary>
    public void Merged(in SyncMessage data, Instant now)
    {
        if (!IsOver && data.Sequence == _sequence && _isPage)
        {
            // A doubled message is one partition.
            PartitionsTaken += _taken.Add(KeyHash(data.Key)) ? 1 : 0;
            _heardAt = now;
            _askedAt = now;
            FinishPage(now);
        }
    }

    /// <summary>The other side's data may not be merged here: it must first catch up.</summary>
    public void MergeRefused()
    {
        if (!IsOver)
        {
            Fail();
        }
    }

    /// <summary>Sends what the pace allows; asks again; gives up. Calling it early or often is harmless.</summary>
    public void Tick(Instant now)
    {
        if (IsOver)
        {
            return;
        }

        if (now - _heardAt >= _options.GiveUpAfter)
        {
            Fail();
            return;
        }

        SendPaced(now);
        if (_toSend.Count == 0 && !_isListing && now - _askedAt >= _options.ResendAfter)
        {
            AskAgain(now);
        }
    }

    private void Advance(Instant now)
    {
        if (_toCompare.Count > 0)
        {
            CompareNext(now);
        }
        else if (_leaves.TryDequeue(out _leaf))
        {
            _afterKey = default;
            ListNext();
        }
        else
        {
            // The lesser of what both had closed when they began is what this exchange proves.
            var basis = _own.Closed < _other.Closed ? _own.Closed : _other.Closed;
            var close = new SyncMessage
            {
                Kind = SyncMessageKind.Close, Exchange = _exchange, Sequence = ++_sequence, Stamp = basis, Report = _own,
            };
            IsOver = true;
            Effects.Send(close);
            Effects.Add(new SyncEffect { Kind = SyncEffectKind.Done, Message = close });
        }
    }

    private void CompareNext(Instant now)
    {
        var nodes = ImmutableArray.CreateBuilder<int>();
        while (nodes.Count < _options.HashesPerMessage && _toCompare.TryPop(out var node))
        {
            nodes.Add(node);
        }

        nodes.Sort();
        Ask(
            new SyncMessage
            {
                Kind = SyncMessageKind.Hashes, Nodes = nodes.ToImmutable(), Hashes = [.. nodes.Select(_tree.HashOf)],
            },
            now);
    }

    private void OnMismatches(in SyncMessage message, Instant now)
    {
        foreach (var node in message.Nodes)
        {
            if (!_asked.Nodes.Contains(node))
            {
                continue;
            }

            if (_tree.IsLeaf(node))
            {
                LeavesDiffering++;
                _leaves.Enqueue(node);
            }
            else
            {
                _toCompare.Push((node * 2) + 1);
                _toCompare.Push(node * 2);
            }
        }

        Advance(now);
    }

    private void ListNext()
    {
        _isListing = true;
        Effects.Add(new SyncEffect
        {
            Kind = SyncEffectKind.List, Leaf = _leaf, AfterKey = _afterKey, Count = _options.PartitionsPerPage,
        });
    }

    private void OnWanted(in SyncMessage message, Instant now)
    {
        _isPage = true;
        _throughKey = message.ThroughKey;
        _offered = message.Offered;
        _toSend.Clear();
        _awaited.Clear();
        _taken.Clear();
        foreach (var wanted in message.Partitions)
        {
            _toSend.Enqueue(wanted.Key);
            _awaited.Add(KeyHash(wanted.Key));
        }

        SendPaced(now);
        FinishPage(now);
    }

    private void SendPaced(Instant now)
    {
        var gap = new Duration(1_000_000_000 / _options.PartitionsPerSecond);
        _sentThrough = Instant.Max(_sentThrough, now - Duration.FromMilliseconds(100));
        while (_toSend.Count > 0 && _sentThrough <= now)
        {
            _sentThrough += gap;
            PartitionsSent++;
            Effects.Add(new SyncEffect
            {
                Kind = SyncEffectKind.SendPartition,
                AfterKey = _toSend.Dequeue(),
                Message = new SyncMessage { Kind = SyncMessageKind.Data, Exchange = _exchange, Sequence = _sequence },
            });
            _askedAt = now;
        }
    }

    private void FinishPage(Instant now)
    {
        if (!_isPage || _taken.Count < _offered || _awaited.Count > 0)
        {
            return;
        }

        _isPage = false;
        if (_throughKey.IsEmpty)
        {
            LeavesDone++;
            Advance(now);
        }
        else
        {
            _afterKey = _throughKey;
            ListNext();
        }
    }

    private bool IsAnswer(in SyncMessage message, SyncMessageKind asked, Instant now)
    {
        if (message.Sequence != _sequence || _asked.Kind != asked || _isPage || _isListing)
        {
            return false;
        }

        _heardAt = now;
        return true;
    }

    private void Ask(in SyncMessage message, Instant now)
    {
        _isPage = false;
        _asked = message with { Exchange = _exchange, Sequence = ++_sequence };
        _askedAt = now;
        Effects.Send(_asked);
    }

    // A page is listed again: what has come meanwhile does not come once more. Nothing is asked again while either side makes progress.
    private void AskAgain(Instant now)
    {
        if (_asked.Kind == SyncMessageKind.Partitions)
        {
            _isPage = false;
            _askedAt = now;
            ListNext();
        }
        else
        {
            Ask(_asked, now);
        }
    }

    private void Fail()
    {
        IsOver = true;
        Effects.Add(new SyncEffect { Kind = SyncEffectKind.Failed });
    }

    private static UInt128 KeyHash(ReadOnlyMemory<byte> key) =>
        ((UInt128)StableHash.Compute(key.Span) << 64) | Crc32C.Compute(key.Span);
}
