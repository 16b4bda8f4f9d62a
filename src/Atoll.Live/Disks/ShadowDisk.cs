using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Live.Disks;

/// <summary>
/// A folder of the machine that is read and never changed: what is written, made, renamed or deleted is so in memory only, and goes with
/// this object. So tools open a node's journals and stores just as the node would, with every repair that an opening makes, and not a byte
/// on the disk is another afterwards. Operations are done, and their ends told, by <see cref="RunUntil"/>, on the thread that calls it.
/// </summary>
public sealed class ShadowDisk : IDisk, IDisposable
{
    private readonly string _root;
    private readonly Queue<Action> _asked = new();

    // What became of names since: their bytes, or null for those that are gone.
    private readonly SortedDictionary<string, ShadowContent?> _changed = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ShadowContent> _opened = new(StringComparer.Ordinal);

    /// <summary>The files below a folder; it may be missing, and is empty then.</summary>
    public ShadowDisk(string root) => _root = Path.GetFullPath(root);

    /// <summary>Bytes read so far: how far a long examination has come.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Does what was asked for, and what that gives rise to, until a condition holds.</summary>
    /// <returns>False when nothing is left to do and the condition does not hold.</returns>
    public bool RunUntil(Func<bool> condition)
    {
        while (!condition())
        {
            if (!_asked.TryDequeue(out var operation))
            {
                return false;
            }

            operation();
        }

        return true;
    }

    /// <inheritdoc />
    public void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done) => Ask(name, () =>
    {
        if (Exists(name))
        {
            return () => done(new DiskResult(DiskStatus.Exists, 0, $"there is a file {name} already"), null);
        }

        var content = new ShadowContent();
        content.Truncate(preallocateBytes);
        _changed[name] = content;
        return () => done(DiskResult.Success, new ShadowFile(this, name, content));
    }, result => done(result, null));

    /// <inheritdoc />
    public void Open(string name, Action<DiskResult, IDiskFile?> done) => Ask(name, () =>
    {
        if (!Exists(name))
        {
            return () => done(Missing(name), null);
        }

        var content = ContentOf(name);
        return () => done(DiskResult.Success, new ShadowFile(this, name, content));
    }, result => done(result, null));

    /// <inheritdoc />
    public void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done) => Ask(folder, () =>
    {
        var lengths = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var real = new DirectoryInfo(Locate(folder));
        foreach (var file in real.Exists ? real.EnumerateFiles() : [])
        {
            lengths[file.Name] = file.Length;
        }

        foreach (var (name, content) in _changed)
        {
            if (FolderOf(name) != folder)
            {
                continue;
            }

            var own = name[(name.LastIndexOf('/') + 1)..];
            if (content is null)
            {
                lengths.Remove(own);
            }
            else
            {
                lengths[own] = content.LengthBytes;
            }
        }

        return () => done(DiskResult.Success, [.. lengths.Select(static pair => new DiskEntry(pair.Key, pair.Value))]);
    }, result => done(result, []));

    /// <inheritdoc />
    public void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done) => Ask(folder, () =>
    {
        var real = new DirectoryInfo(Locate(folder));
        var names = new SortedSet<string>(
            real.Exists ? real.EnumerateDirectories().Select(static inner => inner.Name) : [], StringComparer.Ordinal);
        var prefix = folder.Length == 0 ? "" : folder + "/";
        foreach (var name in _changed.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var rest = name[prefix.Length..];
            if (rest.IndexOf('/') is var slash and > 0)
            {
                names.Add(rest[..slash]);
            }
        }

        return () => done(DiskResult.Success, [.. names]);
    }, result => done(result, []));

    /// <inheritdoc />
    public void Rename(string from, string to, Action<DiskResult> done) => Ask(from, () =>
    {
        if (!Exists(from))
        {
            return () => done(Missing(from));
        }

        _changed[to] = ContentOf(from);
        _changed[from] = null;
        return () => done(DiskResult.Success);
    }, done);

    /// <inheritdoc />
    public void Delete(string name, Action<DiskResult> done) => Ask(name, () =>
    {
        var isThere = Exists(name);
        _changed[name] = null;
        return () => done(isThere ? DiskResult.Success : Missing(name));
    }, done);

    /// <inheritdoc />
    public void FreeSpace(Action<DiskResult> done) => Ask("", () => () => done(new DiskResult(DiskStatus.Ok, long.MaxValue / 2)), done);

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        _asked.Clear();
        foreach (var content in _opened.Values)
        {
            content.Dispose();
        }

        _opened.Clear();
    }

    /// <summary>Takes an operation.</summary>
    /// <param name="name">The file or folder.</param>
    /// <param name="operation">Does it, and gives what tells its end: what that throws is not the disk's.</param>
    /// <param name="refused">Tells the end when the operating system refuses.</param>
    internal void Ask(string name, Func<Action> operation, Action<DiskResult> refused) => _asked.Enqueue(() =>
    {
        Action end;
        try
        {
            end = operation();
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            var result = DiskErrors.FromException(exception, Locate(name));
            end = () => refused(result);
        }

        end();
    });

    /// <summary>Bytes were read.</summary>
    internal void Read(long bytes) => BytesRead += bytes;

    private static DiskResult Missing(string name) => new(DiskStatus.NotFound, 0, $"there is no file {name}");

    private static string FolderOf(string name) => name.LastIndexOf('/') is var slash and >= 0 ? name[..slash] : "";

    private bool Exists(string name) =>
        _changed.TryGetValue(name, out var content) ? content is not null : File.Exists(Locate(name));

    private ShadowContent ContentOf(string name)
    {
        if (_changed.TryGetValue(name, out var changed))
        {
            return changed!;
        }

        if (!_opened.TryGetValue(name, out var opened))
        {
            _opened.Add(name, opened = new ShadowContent(Locate(name)));
        }

        return opened;
    }

    private string Locate(string name)
    {
        foreach (var part in name.Split('/'))
        {
            Check.That(part is not (".." or ".") && (part.Length > 0 || name.Length == 0));
            Check.That(!part.Contains('\\', StringComparison.Ordinal));
        }

        return name.Length == 0 ? _root : Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));
    }
}
