using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>
/// Takes the records of one shard as they were at a time. Ranges of earlier segments whose sums are still the same are taken over; what
/// lies between is read.
/// </summary>
/// <param name="source">The shard.</param>
/// <param name="time">The time.</param>
/// <param name="earlier">Earlier segments of the shard, in key order, without overlaps; their folders seen from the new one.</param>
/// <param name="run">What all shards share.</param>
internal sealed class ShardBackup(ShardSource source, HybridTime time, IReadOnlyList<BackupSegment> earlier, BackupRun run)
{
    private WireWriter _content = new();
    private RecordsDigest _sums;

    /// <summary>Takes all of it.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        byte[] position = [];
        byte[] taken = [];
        var isOver = false;
        foreach (var segment in earlier)
        {
            var digest = await run.Patience.TryAsync(
                () => source.Records.Shards.DigestAsync(
                    source.Shard, new DigestQuery(segment.FromKey, segment.ToKey, default, time), cancellation),
                cancellation).ConfigureAwait(false);
            if (digest with { Contents = 0 } != segment.Digest with { Contents = 0 })
            {
                continue;
            }

            taken = segment.FromKey;
            if (position.AsSpan().SequenceCompareTo(taken) < 0)
            {
                await ReadAsync(position, taken, cancellation).ConfigureAwait(false);
            }

            run.Add(segment, isNew: false);
            position = segment.ToKey;
            isOver = position.Length == 0;
        }

        if (!isOver)
        {
            await ReadAsync(position, [], cancellation).ConfigureAwait(false);
        }
    }

    private async Task ReadAsync(byte[] from, byte[] to, CancellationToken cancellation)
    {
        var scan = new ScanQuery(from, to, default, At: time);
        while (true)
        {
            var page = await run.Patience.TryAsync(
                () => source.Records.Shards.ScanAsync(source.Shard, scan, cancellation), cancellation).ConfigureAwait(false);
            var bytes = _content.Length;
            foreach (var row in page.Rows)
            {
                SegmentFile.Append(_content, row);
                _sums = _sums.With(row.Key.Span, row.Version, row.ExpiresAt, row.Value);
                if (_content.Length >= run.Options.SegmentBytes)
                {
                    // The next segment begins right behind this key.
                    byte[] end = [.. row.Key.Span, 0];
                    await run.Rate.TakeAsync(_content.Length - bytes, cancellation).ConfigureAwait(false);
                    Close(from, end);
                    from = end;
                    bytes = 0;
                }
            }

            await run.Rate.TakeAsync(_content.Length - bytes, cancellation).ConfigureAwait(false);
            if (!page.More)
            {
                break;
            }

            scan = scan with { After = page.ResumeAfter };
        }

        if (to.Length == 0 || from.AsSpan().SequenceCompareTo(to) < 0)
        {
            Close(from, to);
        }
    }

    private void Close(byte[] from, byte[] to)
    {
        string? file = null;
        string? sha256 = null;
        var length = 0L;
        if (_sums.Records > 0)
        {
            var segment = SegmentFile.Encode(_content.Written, (int)_sums.Records);
            (file, sha256) = run.Folder.Write(segment);
            length = segment.Length;
        }

        run.Add(
            new BackupSegment(
                source.Space.Name, BackupManifest.Hex(source.Shard.HashLow), BackupManifest.Hex(source.Shard.HashHigh),
                Convert.ToBase64String(from), Convert.ToBase64String(to), _sums.Records, _sums.Bytes, _sums.Expiring,
                BackupManifest.Hex(_sums.Versions), BackupManifest.Hex(_sums.Contents), null, file, length, sha256),
            isNew: true);
        _content = new WireWriter();
        _sums = default;
    }
}
