using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Builds a shard's state anew from records that come in the order of their keys: they go straight into files of the lowest level. The
/// shard changes over to them in one step, once they are durable; until then it stays as it is, and a crash leaves nothing.
/// </summary>
public sealed class LsmLoad
{
    private readonly LsmStore _store;
    private readonly MergeOutput _output;
    private byte[] _key = new byte[128];
    private byte[] _last = new byte[128];
    private int _lastLength;
    private bool _isOver;
    private Action? _drained;

    /// <summary>A load into a tree of its own.</summary>
    internal LsmLoad(LsmStore store, ShardId id, ulong tree, MergeOutput output)
    {
        _store = store;
        _output = output;
        _output.Progress = CallWhenDrained;
        Shard = new LsmShard(store, id, tree);
    }

    /// <summary>Bytes that the disk has not taken yet: who loads much waits while this is large.</summary>
    public long PendingBytes => _output.PendingBytes;

    /// <summary>True once the disk refused a write: it can only be given up.</summary>
    public bool HasFailed => _output.HasFailed;

    /// <summary>Records so far.</summary>
    public long Count { get; private set; }

    internal LsmShard Shard { get; }

    /// <summary>Takes the next record; its key comes behind the one before.</summary>
    public void Put(ReadOnlySpan<byte> key, in StoredRecord record)
    {
        Check.That(!_isOver);
        var length = TreeKey.Join(ref _key, Shard.Tree, key);
        Check.That(Count == 0 || _last.AsSpan(0, _lastLength).SequenceCompareTo(_key.AsSpan(0, length)) < 0);
        if (!_output.HasFailed)
        {
            _output.Add(
                _key.AsSpan(0, length), true, record.Version.Value, EntryKind.Put, record.ExpiresAt.Value, record.Value.Span,
                RangeTombstones.None);
        }

        (_last, _key, _lastLength) = (_key, _last, length);
        Count++;
    }

    /// <summary>Calls back, now or later, as soon as little waits for the disk, or the disk has failed.</summary>
    public void WhenDrained(Action ready)
    {
        Check.That(_drained is null);
        _drained = ready;
        CallWhenDrained();
    }

    /// <summary>Makes it the shard's state.</summary>
    /// <param name="applied">Entries of the shard's log up to this one are in it.</param>
    /// <param name="at">The time that the records are of: what was before is not among them, so earlier reads are refused.</param>
    /// <param name="done">The end: Ok once it is durable and in use; else nothing has changed.</param>
    public void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done)
    {
        Check.That(!_isOver);
        _isOver = true;
        _output.Finish(RangeTombstones.None, result =>
        {
            if (!result.IsOk)
            {
                _store.ForgetTree(Shard.Tree);
                done(result);
                return;
            }

            var edit = new ManifestEdit();
            edit.Added.AddRange(_output.Files.Select(static meta => (FileSet.LevelCount - 1, meta)));
            edit.AddedValues.AddRange(_output.ValueFiles);
            edit.Trees.Add(new TreePoint(Shard.Tree, Shard.Shard, applied, Count, at.Value));
            if (_store.TreeOf(Shard.Shard) is { } old)
            {
                edit.Dropped.Add(old);
            }

            _store.Commit(edit, committed =>
            {
                if (committed.IsOk)
                {
                    Shard.Restore(edit.Trees[0]);
                    _store.Loaded(Shard.Shard, Shard.Tree);
                }
                else
                {
                    _store.ForgetTree(Shard.Tree);
                }

                done(committed);
            });
        });
    }

    /// <summary>Gives up; what was written goes.</summary>
    public void Abandon()
    {
        if (!_isOver)
        {
            _isOver = true;
            _output.Abandon(() => _store.ForgetTree(Shard.Tree));
        }
    }

    private void CallWhenDrained()
    {
        if (_drained is { } ready && (_output.HasFailed || _output.PendingBytes <= _store.Options.PendingWriteBytesMax))
        {
            _drained = null;
            ready();
        }
    }
}
