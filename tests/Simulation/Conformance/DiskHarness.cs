using Atoll.Foundation.World;

namespace Atoll.Conformance;

/// <summary>A disk under test, and the loop that its ends of operations come on.</summary>
public abstract class DiskHarness : IDisposable
{
    /// <summary>The disk as the present incarnation of the loop has it.</summary>
    public abstract IDisk Disk { get; }

    /// <summary>Lets the loop run until the condition holds; fails the test when that takes too long.</summary>
    public abstract void RunUntil(Func<bool> condition);

    /// <summary>Stops the loop without any farewell and starts another on what is left. Synced things must still be there.</summary>
    public abstract void Restart();

    /// <summary>Starts an operation and waits for its end.</summary>
    public T Await<T>(Action<Action<T>> start)
    {
        var ended = false;
        T? result = default;
        start(value =>
        {
            Xunit.Assert.False(ended, "an operation ended twice");
            ended = true;
            result = value;
        });
        Xunit.Assert.False(ended, "an operation ended before its start returned");
        RunUntil(() => ended);
        return result!;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the harness holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    public (DiskResult Result, IDiskFile? File) Create(string name, long preallocateBytes = 0) =>
        Await<(DiskResult, IDiskFile?)>(done => Disk.Create(name, preallocateBytes, (result, file) => done((result, file))));

    public (DiskResult Result, IDiskFile? File) Open(string name) =>
        Await<(DiskResult, IDiskFile?)>(done => Disk.Open(name, (result, file) => done((result, file))));

    public DiskResult Write(IDiskFile file, long offset, byte[] data, bool sync = false) =>
        Await<DiskResult>(done => file.Write(offset, data, sync, done));

    public DiskResult Sync(IDiskFile file) => Await<DiskResult>(file.Sync);

    public DiskResult Truncate(IDiskFile file, long lengthBytes) => Await<DiskResult>(done => file.Truncate(lengthBytes, done));

    public DiskResult Rename(string from, string to) => Await<DiskResult>(done => Disk.Rename(from, to, done));

    public DiskResult Delete(string name) => Await<DiskResult>(done => Disk.Delete(name, done));

    public IReadOnlyList<DiskEntry> List(string folder) =>
        Await<IReadOnlyList<DiskEntry>>(done => Disk.List(folder, (result, entries) =>
        {
            Xunit.Assert.True(result.IsOk);
            done(entries);
        }));

    public IReadOnlyList<string> ListFolders(string folder) =>
        Await<IReadOnlyList<string>>(done => Disk.ListFolders(folder, (result, names) =>
        {
            Xunit.Assert.True(result.IsOk);
            done(names);
        }));

    public byte[] Read(IDiskFile file, long offset, int size)
    {
        var buffer = new byte[size];
        var result = Await<DiskResult>(done => file.Read(offset, buffer, done));
        Xunit.Assert.True(result.IsOk, result.ToString());
        return buffer[..(int)result.Bytes];
    }
}
