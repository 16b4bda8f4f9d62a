using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>Where a cursor gets blocks from: the cache, or the window of a merge.</summary>
internal abstract class BlockSource
{
    /// <summary>The block, when it is in memory.</summary>
    public abstract Block? TryGet(Table table, BlockHandle handle, BlockType type);

    /// <summary>Brings a block into memory.</summary>
    /// <param name="table">The open file.</param>
    /// <param name="handle">Where in it.</param>
    /// <param name="type">What it holds.</param>
    /// <param name="done">The end; the next <see cref="TryGet"/> in this call finds it, unless there is a fault.</param>
    public abstract void Load(Table table, BlockHandle handle, BlockType type, Action<StoreFault?> done);

    /// <summary>Brings a data block into memory, and with the same read, when that is worth it, those that lie right behind it.</summary>
    /// <param name="table">The open file.</param>
    /// <param name="run">The block, and others behind it without gaps.</param>
    /// <param name="done">The end, as for one block; whether the others came is nobody's promise.</param>
    public virtual void LoadRun(Table table, List<BlockHandle> run, Action<StoreFault?> done) => Load(table, run[0], BlockType.Data, done);

    /// <summary>
    /// Reads a stretch of a file until it passes a check. A mismatch is believed after the third read only: one that went astray is no
    /// damage.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where.</param>
    /// <param name="length">How many bytes.</param>
    /// <param name="check">Null when the bytes are right, else what is wrong with them.</param>
    /// <param name="done">The end: the bytes, or what is wrong; at corruption the status is Ok.</param>
    /// <param name="triesMax">Reads until a mismatch is believed.</param>
    public static void ReadChecked(
        IDiskFile file, long offset, int length, Func<byte[], string?> check, Action<byte[]?, DiskResult, string?> done, int triesMax = 3)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        var tries = 0;
        file.Read(offset, bytes, Ended);

        void Ended(DiskResult result)
        {
            var why = !result.IsOk ? result.Detail
                : result.Bytes < length ? $"the file ends after {result.Bytes} of {length} bytes"
                : check(bytes);
            if (result.IsOk && why is null)
            {
                done(bytes, result, null);
            }
            else if (++tries < triesMax)
            {
                file.Read(offset, bytes, Ended);
            }
            else
            {
                done(null, result with { Bytes = 0 }, why ?? "the disk failed");
            }
        }
    }
}
