using System.Text.RegularExpressions;
using Xunit;

namespace Atoll.Architecture.Tests;

/// <summary>What documents name exists, and nothing in the tree speaks of the machine that it was written on.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] TextFiles =
        [".cs", ".md", ".csproj", ".props", ".targets", ".slnx", ".json", ".yml", ".yaml", ".txt", ".sh", ".html", ".js", ".css", ""];

    [Fact]
    public void Every_path_that_a_document_names_exists() =>
        Finding.None("Named in a document, and not there:", Repository.Files
            .Where(path => path == "README.md" || path.StartsWith("docs/", StringComparison.Ordinal))
            .Where(path => path.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(document => CodeSpan().Matches(Repository.Read(document))
                .Select(span => RepositoryPath().Match(span.Groups[1].Value))
                .Where(match => match.Success && !Exists(match.Groups[1].Value))
                .Select(match => $"{document}: {match.Groups[1].Value}")));

    [Fact]
    public void Nothing_speaks_of_how_or_where_it_was_written()
    {
        // Spelled in two parts, or this file would find itself.
        var words = new Regex(
            "/wo" + "rk/|/fa" + "rm/|/home/[a-z]|/Use" + @"rs/[A-Za-z]|\bthis sess" + @"ion\b|\bthe assist" + @"ant\b|language mo" + "del"
            + @"|\bcla" + @"ude\b|\banth" + @"ropic\b|\bchat" + @"gpt\b|\bopen" + @"ai\b|\bco" + @"pilot\b|\bL" + @"LM\b"
            + "|generated w" + "ith",
            RegexOptions.IgnoreCase);
        Finding.None("Not a word of the project:", Repository.Files
            .Where(path => TextFiles.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
            .SelectMany(path => words.Matches(Repository.Read(path)).Select(match => $"{path}: {match.Value}")));
    }

    private static bool Exists(string path)
    {
        var full = Path.Combine(Repository.Root, path.TrimEnd('/'));
        return File.Exists(full) || Directory.Exists(full);
    }

    [GeneratedRegex("`([^`\r\n]+)`")]
    private static partial Regex CodeSpan();

    /// <summary>A path from the root, perhaps with arguments behind it; patterns and placeholders are not paths.</summary>
    [GeneratedRegex(@"^(?:\./)?((?:src|tests|docs|bench|fuzz|build|samples|\.ci)/[A-Za-z0-9_./-]*|(?<=\./)(?:atoll|test))(?=$| )")]
    private static partial Regex RepositoryPath();
}
