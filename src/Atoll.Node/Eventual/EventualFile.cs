using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Node.Eventual;

/// <summary>
/// What a loop must know of its eventual shards before it trusts any of them: a time above every floor that it has told
/// (<see cref="Kernel.Eventual.CoordinationFloors"/>; no stamp that is given after a start is below it), and which of its replicas begin
/// anew, because what they had was damaged. Layout: checksum (4 bytes), time (8 bytes), number of shards (varint), each (varint).
/// </summary>
internal sealed class EventualFile(IDisk disk)
{
    /// <summary>How far ahead of the clock the time is written, at most; again when less than half of that is left.</summary>
    public static readonly Duration Ahead = Duration.FromSeconds(20);

    private const string Name = "eventual.state";
    private const string NameBeside = "eventual.state.tmp";
    private const int FileBytesMax = 1024 * 1024;

    private readonly SortedSet<ShardId> _rejoining = [];
    private SortedSet<ShardId> _durablyRejoining = [];
    private HybridTime _floor;
    private bool _isSaving;
    private bool _isChanged;

    /// <summary>A time above every floor that was told.</summary>
    public HybridTime DurableFloor { get; private set; }

    /// <summary>False when the file was there and could not be read: then every replica may be one that had begun anew.</summary>
    public bool IsTrusted { get; private set; } = true;

    /// <summary>Called when something was made durable.</summary>
    public Action? Saved { get; set; }

    /// <summary>Whether a replica is known, durably, to begin anew.</summary>
    public bool IsDurablyRejoining(ShardId shard) => _durablyRejoining.Contains(shard);

    /// <summary>Reads what was saved.</summary>
    public void Load(Action done)
    {
        disk.Open(Name, (opened, file) =>
        {
            if (file is null)
            {
                IsTrusted = opened.Status == DiskStatus.NotFound;
                done();
                return;
            }

            var bytes = new byte[Math.Min(file.LengthBytes, FileBytesMax)];
            file.Read(0, bytes, read =>
            {
                file.Close();
                IsTrusted = read.IsOk && read.Bytes == bytes.Length && TryRead(bytes);
                done();
            });
        });
    }

    /// <summary>Moves the time on; durable a little later.</summary>
    public void SaveFloor(HybridTime floor)
    {
        if (floor > _floor)
        {
            _floor = floor;
            Save();
        }
    }

    /// <summary>Sets whether a replica begins anew; durable a little later.</summary>
    public void SetRejoining(ShardId shard, bool isRejoining)
    {
        if (isRejoining ? _rejoining.Add(shard) : _rejoining.Remove(shard))
        {
            Save();
        }
    }

    private bool TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var checksum = reader.ReadUInt32();
        if (!reader.Ok || checksum != Crc32C.Compute(bytes.Span[sizeof(uint)..]))
        {
            return false;
        }

        var floor = new HybridTime(reader.ReadUInt64());
        for (var left = reader.ReadCount(reader.Remaining); left > 0; left--)
        {
            _rejoining.Add(new ShardId(reader.ReadVarint()));
        }

        if (!reader.OkAtEnd)
        {
            return false;
        }

        _durablyRejoining = [.. _rejoining];
        _floor = floor;
        DurableFloor = floor;
        return true;
    }

    private void Save()
    {
        if (_isSaving)
        {
            _isChanged = true;
            return;
        }

        _isSaving = true;
        _isChanged = false;
        var floor = _floor;
        SortedSet<ShardId> rejoining = [.. _rejoining];
        var writer = new WireWriter(64);
        var checksum = writer.ReserveUInt32();
        writer.WriteUInt64(floor.Value);
        writer.WriteVarint((ulong)rejoining.Count);
        foreach (var shard in rejoining)
        {
            writer.WriteVarint(shard.Value);
        }

        writer.PatchUInt32(checksum, Crc32C.Compute(writer.Written[sizeof(uint)..]));
        Replace(writer.ToArray(), isDone =>
        {
            _isSaving = false;
            if (isDone)
            {
                DurableFloor = floor;
                _durablyRejoining = rejoining;
                Saved?.Invoke();
            }

            // What the disk did not take is tried again with the next change: the floor moves all the time.
            if (_isChanged)
            {
                Save();
            }
        });
    }

    private void Replace(byte[] bytes, Action<bool> done) =>
        disk.Delete(NameBeside, _ => disk.Create(NameBeside, 0, (_, file) =>
        {
            if (file is null)
            {
                done(false);
                return;
            }

            file.Write(0, bytes, sync: true, written =>
            {
                file.Close();
                if (written.IsOk)
                {
                    disk.Rename(NameBeside, Name, renamed => done(renamed.IsOk));
                }
                else
                {
                    done(false);
                }
            });
        }));
}
