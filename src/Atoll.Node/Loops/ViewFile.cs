using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Loops;

/// <summary>
/// The last view of the directory on disk: a checksum, then the encoded view; written beside and renamed into place. It is a cache: a
/// damaged one is no loss, because the others tell the view to a node that says nothing to them (<see cref="SignsOfLife"/>).
/// </summary>
internal sealed class ViewFile
{
    private const string Name = "directory.view";
    private const string NameBeside = "directory.view.tmp";

    private readonly IDisk _disk;
    private DirectoryView? _next;
    private bool _isSaving;

    public ViewFile(IDisk disk) => _disk = disk;

    /// <summary>What was saved before the start; null when there was nothing usable.</summary>
    public DirectoryView? Saved { get; private set; }

    /// <summary>Reads what was saved.</summary>
    public void Load(Action done)
    {
        _disk.Open(Name, (opened, file) =>
        {
            if (file is null)
            {
                done();
                return;
            }

            var bytes = new byte[file.LengthBytes];
            file.Read(0, bytes, read =>
            {
                file.Close();
                var reader = new WireReader(bytes);
                var checksum = reader.ReadUInt32();
                var body = reader.ReadRaw(reader.Remaining);
                if (read.IsOk && read.Bytes == bytes.Length && checksum == Crc32C.Compute(body.Span)
                    && DirectoryView.TryDecode(body, out var view))
                {
                    Saved = view;
                }

                done();
            });
        });
    }

    /// <summary>Saves a view; while one is being saved, only the newest of those that follow is kept.</summary>
    public void Save(DirectoryView view)
    {
        _next = view;
        if (!_isSaving)
        {
            SaveNext();
        }
    }

    private void SaveNext()
    {
        if (_next is not { } view)
        {
            _isSaving = false;
            return;
        }

        _isSaving = true;
        _next = null;
        var writer = new WireWriter(1024);
        var checksum = writer.ReserveUInt32();
        view.Encode(writer);
        writer.PatchUInt32(checksum, Crc32C.Compute(writer.Written[sizeof(uint)..]));
        var bytes = writer.ToArray();
        _disk.Delete(NameBeside, _ => _disk.Create(NameBeside, 0, (created, file) =>
        {
            if (file is null)
            {
                SaveNext();
                return;
            }

            file.Write(0, bytes, sync: true, written =>
            {
                file.Close();
                if (written.IsOk)
                {
                    _disk.Rename(NameBeside, Name, _ => SaveNext());
                }
                else
                {
                    SaveNext();
                }
            });
        }));
    }
}
