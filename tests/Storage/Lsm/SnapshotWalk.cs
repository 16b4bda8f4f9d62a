using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>A snapshot that is gone through step by step while the store goes on; blocks come when the disk brings them.</summary>
internal sealed class SnapshotWalk(
    ISortedSnapshot snapshot, List<(string Key, ulong Version, byte[] Value)> expected, bool isForward, string run)
{
    private readonly ISortedCursor _cursor = snapshot.OpenCursor();
    private int _position = -1;
    private bool _isLoading;
    private bool _isOver;

    /// <summary>Takes a step, unless it still waits for the last one; false when it is over.</summary>
    public bool Step()
    {
        if (_isLoading || _isOver)
        {
            return !_isOver;
        }

        if (!_cursor.IsWaiting)
        {
            var isFirst = _position++ < 0;
            _ = isForward ? (isFirst ? _cursor.SeekFirst() : _cursor.Next()) : isFirst ? _cursor.SeekLast() : _cursor.Previous();
        }

        if (_cursor.IsWaiting)
        {
            _isLoading = true;
            Assert.False(_cursor.Load(() =>
            {
                _isLoading = false;
                Compare();
            }));
            return true;
        }

        return Compare();
    }

    private bool Compare()
    {
        Assert.True(_cursor.Fault is null, $"{run}: {_cursor.Fault}");
        Assert.True(_cursor.IsValid == _position < expected.Count, $"{run}: a snapshot ends at {_position} of {expected.Count}");
        if (!_cursor.IsValid)
        {
            _cursor.Dispose();
            snapshot.Dispose();
            _isOver = true;
            return false;
        }

        var (key, version, value) = expected[isForward ? _position : expected.Count - 1 - _position];
        ShardTwin.AssertRecord(key, version, value, _cursor, run);
        return true;
    }
}
