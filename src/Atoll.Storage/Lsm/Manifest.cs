using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// The file that says what the store is made of. Changes are appended, one at a time, each durable before the next. It is written anew
/// beside and renamed when the store is opened, when it has grown long, and when an append found the disk full.
/// </summary>
internal sealed class Manifest(IDisk disk, string folder, ulong identity, int transferBytes, Func<ManifestEdit> describe)
{
    private const long GrownBytes = 1024 * 1024;

    private static readonly Probe RewrittenProbe = Probe.Define("store: manifest written anew");

    private readonly Queue<(ManifestEdit Edit, Action<DiskResult> Done)> _waiting = new();
    private DiskResult _failure = DiskResult.Success;
    private IDiskFile? _file;
    private bool _isBusy;
    private long _length;
    private long _baseLength;
    private ulong _sequence;

    /// <summary>
    /// True when the disk is full: the change under way may or may not be on it, so nothing else is begun, and no file that either state
    /// of the store needs may go, until <see cref="Retry"/> has written a manifest anew.
    /// </summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Called when the disk was found full.</summary>
    public Action? Blocked { get; set; }

    /// <summary>
    /// Makes a change durable. The end comes before the next change is begun, so that what <c>describe</c> says includes it; it does not
    /// come while the disk is full.
    /// </summary>
    public void Commit(ManifestEdit edit, Action<DiskResult> done)
    {
        if (!_failure.IsOk)
        {
            done(_failure);
            return;
        }

        _waiting.Enqueue((edit, done));
        Continue();
    }

    /// <summary>Tries again what found the disk full.</summary>
    public void Retry()
    {
        IsBlocked = false;
        Continue();
    }

    private void Continue()
    {
        if (_isBusy || IsBlocked || !_waiting.TryPeek(out var next))
        {
            return;
        }

        _isBusy = true;
        if (_file is null || _length > Math.Max(GrownBytes, 4 * _baseLength))
        {
            Rewrite(next.Edit);
            return;
        }

        var bytes = ManifestFormat.Encode(next.Edit, identity, _sequence, _length);
        _file.Write(_length, bytes, true, result =>
        {
            if (result.IsOk)
            {
                _sequence++;
                _length += bytes.Length;
            }
            else
            {
                // Part of it may be there: nothing is appended behind it any more.
                _file.Close();
                _file = null;
            }

            Ended(result);
        });
    }

    private void Rewrite(ManifestEdit edit)
    {
        RewrittenProbe.Hit();
        _file?.Close();
        _file = null;
        var (name, newName) = ($"{folder}/{ManifestFormat.Name}", $"{folder}/{ManifestFormat.NewName}");
        disk.Delete(newName, _ =>
        {
            // The change comes as an edit of its own behind what the store is without it.
            var all = ManifestFormat.Encode(describe(), identity, 0, 0);
            var output = new FileOutput(disk, newName, transferBytes);
            output.Write(all);
            _baseLength = all.Length;
            output.Write(ManifestFormat.Encode(edit, identity, 1, all.Length));
            _length = output.LengthBytes;
            _sequence = 2;
            output.Finish(written =>
            {
                if (!written.IsOk)
                {
                    Ended(written);
                    return;
                }

                disk.Rename(newName, name, renamed =>
                {
                    if (!renamed.IsOk)
                    {
                        Ended(renamed);
                        return;
                    }

                    disk.Open(name, (opened, file) =>
                    {
                        _file = file;
                        Ended(opened);
                    });
                });
            });
        });
    }

    private void Ended(DiskResult result)
    {
        if (result.Status == DiskStatus.Full)
        {
            IsBlocked = true;
            _isBusy = false;
            Blocked?.Invoke();
            return;
        }

        var (_, done) = _waiting.Dequeue();
        done(result);
        _isBusy = false;
        if (!result.IsOk)
        {
            // What the disk really has is not known any more: nothing is written behind it.
            _failure = result;
            while (_waiting.TryDequeue(out var never))
            {
                never.Done(result);
            }
        }

        Continue();
    }
}
