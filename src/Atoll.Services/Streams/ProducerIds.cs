using System.Buffers.Binary;
using Atoll.Services.Directory;
using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

/// <summary>
/// Gives numbers to producers. They are taken from the directory in blocks: the document there says where the next block begins. What a
/// node does not use of a block before it stops is never used.
/// </summary>
/// <param name="documents">Where the document is.</param>
internal sealed class ProducerIds(IDocumentStore documents)
{
    private const int BlockSize = 1_000;
    private const int ConflictsMax = 100;
    private const string DocumentName = "producers";

    private readonly Lock _lock = new();
    private Task<long>? _taking;
    private long _next;
    private long _end;

    public async ValueTask<long> NextAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<long> taking;
            lock (_lock)
            {
                if (_next < _end)
                {
                    return _next++;
                }

                taking = _taking ??= TakeBlockAsync();
            }

            try
            {
                Begin(taking, await taking.WaitAsync(cancellation).ConfigureAwait(false));
            }
            catch (AtollException)
            {
                Forget(taking);
                throw;
            }
        }
    }

    // Whoever waits for a block may be the first to see it.
    private void Begin(Task<long> taken, long start)
    {
        lock (_lock)
        {
            if (_taking == taken)
            {
                (_next, _end, _taking) = (start, start + BlockSize, null);
            }
        }
    }

    private void Forget(Task<long> failed)
    {
        lock (_lock)
        {
            _taking = _taking == failed ? null : _taking;
        }
    }

    private async Task<long> TakeBlockAsync()
    {
        for (var attempt = 0; attempt < ConflictsMax; attempt++)
        {
            var found = (await documents.ReadAsync().ConfigureAwait(false))
                .FirstOrDefault(static document => string.Equals(document.Name, DocumentName, StringComparison.Ordinal));
            var start = found is null ? 0
                : found.Bytes.Length == sizeof(long) ? BinaryPrimitives.ReadInt64BigEndian(found.Bytes.Span)
                : throw new AtollException(ErrorCode.Protocol, "the directory's document about producers cannot be read");
            var next = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(next, start + BlockSize);
            if (await documents.TryWriteAsync(DocumentName, found?.Version ?? 0, next).ConfigureAwait(false))
            {
                return start;
            }
        }

        throw new UnavailableException("others took numbers for producers all the time");
    }
}
