namespace Atoll.Architecture.Tests;

/// <summary>The checked-out repository: its files as text, and its C# parsed once for all tests.</summary>
internal static class Repository
{
    private static readonly string[] FoldersNotLookedInto =
        ["bin", "obj", ".git", "TestResults", "artifacts", "atoll-data", ".vs", ".idea"];

    /// <summary>The folder of Atoll.slnx.</summary>
    public static string Root { get; } = FindRoot();

    private static readonly Lazy<IReadOnlyList<string>> FileList = new(() => [.. Walk(Root).Order(StringComparer.Ordinal)]);

    private static readonly Lazy<IReadOnlyList<SourceFile>> SourceList = new(() =>
        [.. Files.Where(path => path.EndsWith(".cs", StringComparison.Ordinal)).AsParallel().AsOrdered().Select(SourceFile.Parse)]);

    /// <summary>"Debug" or "Release": how these tests were built, and so what the assemblies to look at were built as.</summary>
    public static string Configuration { get; } =
        AppContext.BaseDirectory.Replace('\\', '/').Contains("/bin/Release/", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>All files that are not built ones, relative to the root, with '/', in ordinal order.</summary>
    public static IReadOnlyList<string> Files => FileList.Value;

    /// <summary>All C# files, parsed.</summary>
    public static IReadOnlyList<SourceFile> Sources => SourceList.Value;

    /// <summary>The C# files below a folder such as "src/" or "tests/".</summary>
    public static IEnumerable<SourceFile> SourcesIn(string folder) =>
        Sources.Where(file => file.Path.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>A file's text.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Atoll.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("These tests run inside a checkout: no Atoll.slnx above them.");
    }

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            yield return Path.GetRelativePath(Root, file).Replace('\\', '/');
        }

        foreach (var inner in Directory.EnumerateDirectories(folder))
        {
            if (FoldersNotLookedInto.Contains(Path.GetFileName(inner), StringComparer.Ordinal))
            {
                continue;
            }

            foreach (var file in Walk(inner))
            {
                yield return file;
            }
        }
    }
}
