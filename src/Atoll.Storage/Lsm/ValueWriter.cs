using System.Buffers.Binary;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>Writes one value file: values, each with a trailer behind it as a block has.</summary>
internal sealed class ValueWriter(IDisk disk, string folder, ulong number, ulong identity, int transferBytes, Action progress)
{
    private readonly FileOutput _output = new(disk, TableFormat.ValueFileName(folder, number), transferBytes) { Progress = progress };

    /// <summary>Bytes of the file so far.</summary>
    public long LengthBytes => _output.LengthBytes;

    /// <summary>Bytes that the disk does not have yet.</summary>
    public long PendingBytes => _output.PendingBytes;

    /// <summary>True once the disk has refused a write: <see cref="Finish"/> will say so.</summary>
    public bool HasFailed => !_output.Error.IsOk;

    /// <summary>Adds a value, and says where it is.</summary>
    public ValuePointer Add(ReadOnlySpan<byte> value)
    {
        var offset = _output.LengthBytes;
        Span<byte> trailer = stackalloc byte[TableFormat.BlockTrailerBytes];
        TableFormat.WriteTrailer(trailer, value, BlockType.Value, offset, identity, number);
        _output.Write(value);
        _output.Write(trailer);
        return new ValuePointer(number, offset, value.Length, BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]));
    }

    /// <summary>Ends the file and makes it durable.</summary>
    /// <param name="done">The end: what the manifest must know of the file, or null and the error; then the file is gone.</param>
    public void Finish(Action<ValueFileMeta?, DiskResult> done)
    {
        var meta = new ValueFileMeta(number, _output.LengthBytes);
        _output.Finish(result => done(result.IsOk ? meta : null, result));
    }

    /// <summary>Gives up; the file goes.</summary>
    public void Abandon(Action gone) => _output.Abandon(gone);
}
