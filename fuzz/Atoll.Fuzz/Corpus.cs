using System.Reflection;

namespace Atoll.Fuzz;

/// <summary>
/// Inputs that once failed, kept for good: fuzz/Atoll.Fuzz/Corpus, a folder a target, each file named by what it was. They are part of the
/// program, so that whoever runs a target runs them.
/// </summary>
public static class Corpus
{
    private const string Prefix = "Corpus/";

    /// <summary>All files: target, name, bytes.</summary>
    public static IReadOnlyList<CorpusFile> All { get; } = Load();

    /// <summary>The files of a target.</summary>
    public static IEnumerable<CorpusFile> Of(IFuzzTarget target) => All.Where(file => file.Target == target.Name);

    private static List<CorpusFile> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var files = new List<CorpusFile>();
        foreach (var resource in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            var path = resource.Replace('\\', '/');
            if (path.StartsWith(Prefix, StringComparison.Ordinal) && path[Prefix.Length..].Split('/') is [var target, var name])
            {
                using var stream = assembly.GetManifestResourceStream(resource)!;
                var bytes = new byte[stream.Length];
                stream.ReadExactly(bytes);
                files.Add(new CorpusFile(target, name, bytes));
            }
        }

        return files;
    }
}

/// <summary>An input that once failed.</summary>
/// <param name="Target">The target's name.</param>
/// <param name="Name">What it was.</param>
/// <param name="Bytes">The input.</param>
public sealed record CorpusFile(string Target, string Name, byte[] Bytes);
