using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;

namespace Atoll.Simulation.Disks;

/// <summary>
/// The names on a simulated disk. A change is visible at once and durable at its end; like a file system's journal, what is durable is
/// always a prefix of the changes, so the end of one makes all before it durable.
/// </summary>
internal sealed class Namespace
{
    private readonly SortedDictionary<string, SimFile> _files = new(StringComparer.Ordinal);
    private readonly List<(long Change, string Name, SimFile? Before)> _undo = [];
    private readonly HashSet<SimFile> _held = [];
    private long _changes;

    public IReadOnlyList<string> All => [.. _files.Keys];

    public SimFile? Find(string name) => _files.GetValueOrDefault(name);

    public bool Holds(SimFile file) => _held.Contains(file);

    // Begins a change of one or two names; the number is for End.
    public long Begin(string name, SimFile? file, string? alsoName = null, SimFile? alsoFile = null)
    {
        _changes++;
        Set(name, file);
        if (alsoName is not null)
        {
            Set(alsoName, alsoFile);
        }

        return _changes;
    }

    public void End(long change)
    {
        var durable = 0;
        while (durable < _undo.Count && _undo[durable].Change <= change)
        {
            durable++;
        }

        _undo.RemoveRange(0, durable);
        HoldAgain();
    }

    // Of the changes under way a prefix has happened.
    public void Crash(Prng prng)
    {
        if (_undo.Count > 0)
        {
            var first = _undo[0].Change;
            var kept = first + (long)prng.NextBelow((ulong)(_changes - first + 2));
            for (var i = _undo.Count - 1; i >= 0 && _undo[i].Change >= kept; i--)
            {
                Put(_undo[i].Name, _undo[i].Before);
            }

            _undo.Clear();
        }

        HoldAgain();
    }

    // The files (or the folders) right in a folder, by ordinal name.
    public IEnumerable<(string Name, SimFile? File)> In(string folder)
    {
        var prefix = folder.Length == 0 ? "" : folder + "/";
        string? lastFolder = null;
        foreach (var (name, file) in _files)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

            var rest = name[prefix.Length..];
            var slash = rest.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0)
            {
                yield return (rest, file);
            }
            else if (rest[..slash] != lastFolder)
            {
                lastFolder = rest[..slash];
                yield return (lastFolder, null);
            }
        }
    }

    public static void CheckName(string name)
    {
        Check.That(name.Length > 0 && name[0] != '/' && name[^1] != '/');
        Check.That(!name.Contains('\\', StringComparison.Ordinal));
        Check.That(name.Split('/').All(part => part is not "" and not "." and not ".."));
    }

    private void Set(string name, SimFile? file)
    {
        _undo.Add((_changes, name, Find(name)));
        Put(name, file);
        if (file is not null)
        {
            _held.Add(file);
        }
    }

    private void Put(string name, SimFile? file)
    {
        if (file is null)
        {
            _files.Remove(name);
        }
        else
        {
            _files[name] = file;
        }
    }

    // A file is held by a name, or by a change that a crash may still take back.
    private void HoldAgain()
    {
        _held.Clear();
        _held.UnionWith(_files.Values);
        foreach (var (_, _, before) in _undo)
        {
            if (before is not null)
            {
                _held.Add(before);
            }
        }
    }
}
