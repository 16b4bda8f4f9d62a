namespace Atoll.Live.Tests;

/// <summary>A folder that is gone at the end.</summary>
/// <param name="above">Where it is made; null for where temporary files belong.</param>
internal sealed class TemporaryFolder(string? above = null) : IDisposable
{
    public string Path { get; } = above is null ? Directory.CreateTempSubdirectory("atoll-live-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(above, $"atoll-live-{Guid.NewGuid():n}")).FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
