using Atoll.Foundation.Logs;
using Atoll.Storage.Journals;

namespace Atoll.Node.Replicas;

/// <summary>Reads the entries of a log that an answer is made of: some in a row, then perhaps a gap, and so on.</summary>
/// <param name="log">The log.</param>
internal sealed class LogAnswers(ShardLog log)
{
    // As much as one disk request should bring; a longer entry comes all the same.
    private const int ReadBytes = 1024 * 1024;

    /// <summary>Reads entries.</summary>
    /// <param name="indexes">Which, ascending.</param>
    /// <param name="done">
    /// The end, now or later on the same loop: all of them, or how the read that failed ended; Unavailable when one is not there any more.
    /// </param>
    public void Read(IReadOnlyList<LogIndex> indexes, Action<LogReadResult> done) => new Reading(log, indexes, done).GoOn();

    private sealed class Reading(ShardLog log, IReadOnlyList<LogIndex> indexes, Action<LogReadResult> done)
    {
        private readonly List<LogEntry> _found = new(indexes.Count);
        private bool _isRunning;
        private bool _isWaiting;

        public void GoOn()
        {
            // A read may end before it returns: it goes on here then, and not ever deeper.
            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
            while (!_isWaiting)
            {
                while (_found.Count < indexes.Count && log.TryRead(indexes[_found.Count], out var cached))
                {
                    _found.Add(cached);
                }

                if (_found.Count == indexes.Count)
                {
                    done(new LogReadResult(LogReadStatus.Ok, _found));
                    return;
                }

                _isWaiting = true;
                log.Read(indexes[_found.Count], LastOfRun(), ReadBytes, Take);
            }

            _isRunning = false;
        }

        // Those that follow each other are read at once.
        private LogIndex LastOfRun()
        {
            var last = _found.Count;
            while (last + 1 < indexes.Count && indexes[last + 1] == indexes[last].Next)
            {
                last++;
            }

            return indexes[last];
        }

        private void Take(LogReadResult read)
        {
            if (read.Status != LogReadStatus.Ok)
            {
                done(read);
                return;
            }

            _found.AddRange(read.Entries);
            _isWaiting = false;
            GoOn();
        }
    }
}
