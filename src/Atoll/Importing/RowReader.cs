namespace Atoll.Importing;

/// <summary>One row of a file.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">The whole row, byte for byte, without what ends it.</param>
/// <param name="Number">Its number, from 1; a header is not counted.</param>
/// <param name="EndOffset">Where the next row begins in the file.</param>
public readonly record struct Row(byte[] Key, byte[] Value, long Number, long EndOffset);

/// <summary>Reads the rows of a stream one by one.</summary>
public sealed class RowReader
{
    private readonly Stream _stream;
    private readonly RowOptions _options;
    private readonly RowKeys _keys;
    private byte[] _buffer = new byte[256 * 1024];
    private int _start;
    private int _end;
    private bool _isLast;
    private bool _hasHeader;
    private long _number;
    private long _offset;

    /// <summary>A reader at the beginning of a stream.</summary>
    public RowReader(Stream stream, RowOptions options)
    {
        _stream = stream;
        _options = options;
        _keys = new RowKeys(options);
        _hasHeader = options is { Format: RowFormat.Csv, HasHeader: true };
    }

    /// <summary>Goes on behind a row that an earlier reader gave; the stream must be at its beginning, and be able to seek.</summary>
    /// <exception cref="RowFormatException">The file has no such place.</exception>
    public async Task SkipToAsync(long endOffset, long number, CancellationToken cancellation)
    {
        // The header is read first, for the columns' names.
        if (_hasHeader)
        {
            await ReadHeaderAsync(cancellation).ConfigureAwait(false);
        }

        if (endOffset < _offset || endOffset > _stream.Length)
        {
            throw new RowFormatException("the checkpoint does not fit the file");
        }

        _stream.Seek(endOffset, SeekOrigin.Begin);
        (_offset, _number, _start, _end, _isLast) = (endOffset, number, 0, 0, false);
    }

    /// <summary>The next row; null at the end. Empty lines are no rows.</summary>
    /// <exception cref="RowFormatException">The file does not hold what it should; the message names the row.</exception>
    public async ValueTask<Row?> ReadAsync(CancellationToken cancellation)
    {
        if (_hasHeader)
        {
            await ReadHeaderAsync(cancellation).ConfigureAwait(false);
        }

        while (true)
        {
            if (await NextAsync(cancellation).ConfigureAwait(false) is not { } bytes)
            {
                return null;
            }

            if (bytes.Length > 0 && !(bytes.Length == 1 && bytes[0] == '\r'))
            {
                _number++;
                return new Row(_keys.KeyOf(bytes, _number), bytes, _number, _offset);
            }
        }
    }

    private async ValueTask ReadHeaderAsync(CancellationToken cancellation)
    {
        _hasHeader = false;
        var header = await NextAsync(cancellation).ConfigureAwait(false)
            ?? throw new RowFormatException("the file is empty; not even a header is there");

        // A byte order mark is no part of the first field's name.
        _keys.SetHeader(header.AsSpan().StartsWith("\uFEFF"u8) ? header.AsSpan(3) : header);
    }

    private async ValueTask<byte[]?> NextAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (RowCutter.TryCut(_buffer.AsSpan(_start, _end - _start), _isLast, _options, out var rowBytes, out var takenBytes))
            {
                var row = _buffer.AsSpan(_start, rowBytes).ToArray();
                _start += takenBytes;
                _offset += takenBytes;
                return row;
            }

            if (_isLast)
            {
                return null;
            }

            await FillAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        var held = _end - _start;
        if (held > _options.RowBytesMax)
        {
            throw new RowFormatException(
                _number + 1, $"it is longer than {_options.RowBytesMax} bytes; does a quote that never ends stand in it (--no-quotes)?");
        }

        if (_end == _buffer.Length)
        {
            var target = held > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
            _buffer.AsSpan(_start, held).CopyTo(target);
            (_buffer, _start, _end) = (target, 0, held);
        }

        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
        _end += read;
        _isLast = read == 0;
    }
}
