using System.Runtime.CompilerServices;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>
/// One scan: a page at a time from every shard, merged by key. While the rows of a page are given out its successor is already on its way.
/// </summary>
internal sealed class RecordScan
{
    private const int PageRowsMax = 2_000;
    private const int ShardsAskedAheadMax = 32;

    private readonly RecordsService _records;
    private readonly ReadOptions _options;
    private readonly ScanQuery _query;
    private readonly long _limit;
    private readonly bool _isEmpty;

    public RecordScan(RecordsService records, ScanRange range, ReadOptions options)
    {
        if (range.Limit < 0)
        {
            throw new InvalidRequestException("the limit must not be negative");
        }

        _records = records;
        _options = options;
        _limit = range.Limit == 0 ? long.MaxValue : range.Limit;
        var from = range.From;
        var to = range.To;
        if (!range.Prefix.IsEmpty)
        {
            from = KeyOrder.Instance.Compare(from, range.Prefix) < 0 ? range.Prefix : from;
            ReadOnlyMemory<byte> end = KeyOrder.EndOfPrefix(range.Prefix.Span);
            to = to.IsEmpty || (!end.IsEmpty && KeyOrder.Instance.Compare(end, to) < 0) ? end : to;
        }

        _isEmpty = !to.IsEmpty && KeyOrder.Instance.Compare(from, to) >= 0;
        _query = new ScanQuery(from, to, range.After, PageRowsMax, Limits.ScanPageBytesMax, range.Reverse, range.KeysOnly);
    }

    /// <summary>The records of the range, in order.</summary>
    public async IAsyncEnumerable<Record> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        if (_isEmpty)
        {
            yield break;
        }

        var space = await _records.SpaceAsync(cancellation).ConfigureAwait(false);
        var shards = await _records.ShardsAsync(cancellation).ConfigureAwait(false);
        var pageRows = PageRows(shards.Length);
        var asksAhead = shards.Length <= ShardsAskedAheadMax && _limit > (long)pageRows * shards.Length;
        var cursors = new ShardCursor[shards.Length];
        var order = new KeyDirection(_query.Reverse);
        var heads = new PriorityQueue<ShardCursor, ReadOnlyMemory<byte>>(shards.Length, order);
        for (var i = 0; i < shards.Length; i++)
        {
            cursors[i] = new ShardCursor(this, shards[i], pageRows, asksAhead, cancellation);

            // Some ahead of those that are waited for below, so that many shards take few round trips and bounded memory.
            if (i >= ShardsAskedAheadMax)
            {
                await AddAsync(heads, cursors[i - ShardsAskedAheadMax]).ConfigureAwait(false);
            }
        }

        for (var i = Math.Max(0, shards.Length - ShardsAskedAheadMax); i < shards.Length; i++)
        {
            await AddAsync(heads, cursors[i]).ConfigureAwait(false);
        }

        for (var given = 0L; given < _limit && heads.TryDequeue(out var cursor, out _); given++)
        {
            var row = cursor.Current;
            yield return RecordsService.RecordOf(space, row.Key, row.Value, row.Version, row.ExpiresAt);
            await AddAsync(heads, cursor).ConfigureAwait(false);
        }
    }

    // Keys are spread by their hashes, so of a limited range each shard has its share, give or take a few times the square root of it: to
    // ask every shard for as many rows as are wanted in all would have most of them read for nothing.
    private int PageRows(int shards)
    {
        var share = (double)_limit / shards;
        return (int)Math.Min(Math.Min(_limit, PageRowsMax), Math.Ceiling(share + (3 * Math.Sqrt(share)) + 1));
    }

    private static async ValueTask AddAsync(PriorityQueue<ShardCursor, ReadOnlyMemory<byte>> heads, ShardCursor cursor)
    {
        if (await cursor.MoveNextAsync().ConfigureAwait(false))
        {
            heads.Enqueue(cursor, cursor.Current.Key);
        }
    }

    /// <summary>The rows of one shard.</summary>
    private sealed class ShardCursor
    {
        private readonly RecordScan _scan;
        private readonly ShardInfo _shard;
        private readonly int _pageRows;
        private readonly bool _asksAhead;
        private readonly CancellationToken _cancellation;
        private Task<ScanPage>? _next;
        private IReadOnlyList<ScanRow> _rows = [];
        private ReadOnlyMemory<byte> _resumeAfter;
        private bool _more;
        private int _position = -1;

        public ShardCursor(RecordScan scan, ShardInfo shard, int pageRows, bool asksAhead, CancellationToken cancellation)
        {
            _scan = scan;
            _shard = shard;
            _pageRows = pageRows;
            _asksAhead = asksAhead;
            _cancellation = cancellation;
            _resumeAfter = scan._query.After;
            _next = Ask();
        }

        public ScanRow Current => _rows[_position];

        public async ValueTask<bool> MoveNextAsync()
        {
            _position++;
            while (_position >= _rows.Count)
            {
                if (_next is null && !_more)
                {
                    return false;
                }

                var page = await (_next ?? Ask()).ConfigureAwait(false);
                _next = null;
                _rows = page.Rows;
                _position = 0;
                _more = page.More;
                _resumeAfter = page.ResumeAfter;

                if (_more && _asksAhead && !_scan._query.After.Span.SequenceEqual(_resumeAfter.Span))
                {
                    _next = Ask();
                }
            }

            return true;
        }

        private Task<ScanPage> Ask() => _scan._records
            .ScanPageAsync(_shard, _scan._query with { After = _resumeAfter, RowsMax = _pageRows }, _scan._options, _cancellation).AsTask();
    }

    private sealed class KeyDirection(bool reverse) : IComparer<ReadOnlyMemory<byte>>
    {
        public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) =>
            reverse ? KeyOrder.Instance.Compare(y, x) : KeyOrder.Instance.Compare(x, y);
    }
}
