using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Node.Eventual;

/// <summary>
/// A time on disk that lies above every floor that the loop has told (<see cref="Kernel.Eventual.CoordinationFloors"/>): after a start no
/// stamp is given that is not above it. It is written ahead, so that it is seldom written.
/// </summary>
internal sealed class FloorFile(IDisk disk)
{
    /// <summary>How far ahead of the clock it is written, at most; again when less than half of that is left.</summary>
    public static readonly Duration Ahead = Duration.FromSeconds(20);

    private const string Name = "eventual.floor";
    private const string NameBeside = "eventual.floor.tmp";
    private const int FileBytes = sizeof(uint) + sizeof(ulong);

    private bool _isSaving;

    /// <summary>What is durable.</summary>
    public HybridTime Durable { get; private set; }

    /// <summary>Reads what was saved. A file that cannot be read counts as <see cref="HybridTime.Zero"/>.</summary>
    /// <param name="done">Gets false when there is a file and it cannot be trusted: what was told before is not known.</param>
    public void Load(Action<bool> done)
    {
        disk.Open(Name, (opened, file) =>
        {
            if (file is null)
            {
                done(opened.Status == DiskStatus.NotFound);
                return;
            }

            var bytes = new byte[FileBytes];
            file.Read(0, bytes, read =>
            {
                file.Close();
                var reader = new WireReader(bytes);
                var checksum = reader.ReadUInt32();
                var isGood = read.IsOk && read.Bytes == FileBytes && checksum == Crc32C.Compute(bytes.AsSpan(sizeof(uint)));
                Durable = isGood ? new HybridTime(reader.ReadUInt64()) : HybridTime.Zero;
                done(isGood);
            });
        });
    }

    /// <summary>Saves a later time; while one is being saved, nothing.</summary>
    public void Save(HybridTime time)
    {
        if (_isSaving || time <= Durable)
        {
            return;
        }

        _isSaving = true;
        var writer = new WireWriter(FileBytes);
        var checksum = writer.ReserveUInt32();
        writer.WriteUInt64(time.Value);
        writer.PatchUInt32(checksum, Crc32C.Compute(writer.Written[sizeof(uint)..]));
        var bytes = writer.ToArray();
        disk.Delete(NameBeside, _ => disk.Create(NameBeside, 0, (_, file) =>
        {
            if (file is null)
            {
                _isSaving = false;
                return;
            }

            file.Write(0, bytes, sync: true, written =>
            {
                file.Close();
                if (!written.IsOk)
                {
                    _isSaving = false;
                    return;
                }

                disk.Rename(NameBeside, Name, renamed =>
                {
                    _isSaving = false;
                    Durable = renamed.IsOk ? time : Durable;
                });
            });
        }));
    }
}
