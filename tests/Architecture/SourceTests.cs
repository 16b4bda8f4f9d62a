using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Atoll.Architecture.Tests;

/// <summary>The rules of the code that its syntax can show.</summary>
public sealed class SourceTests
{
    private const int LinesMax = 600;

    private const int ColumnsMax = 140;

    [Fact]
    public void A_file_has_one_reason_to_change_and_so_is_short() =>
        Finding.None($"More than {LinesMax} lines:", Repository.Sources
            .Select(file => (file.Path, Lines: file.Tree.GetText().Lines.Count))
            .Where(file => file.Lines > LinesMax + 1)
            .Select(file => $"{file.Path}: {file.Lines}"));

    [Fact]
    public void A_line_fits_the_screen() =>
        Finding.None($"More than {ColumnsMax} columns:", Repository.Sources.SelectMany(file => file.Tree.GetText().Lines
            .Where(line => line.Span.Length > ColumnsMax)
            .Select(line => $"{file.Path}:{line.LineNumber + 1}: {line.Span.Length}")));

    [Fact]
    public void Nothing_is_left_unfinished()
    {
        // Spelled in two parts, or this file would find itself.
        var unfinished = new Regex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|XX" + @"X)\b|NotImplemented" + "Exception");
        Finding.None("Unfinished by its own words:", Repository.Sources
            .SelectMany(file => unfinished.Matches(file.Text).Select(match => $"{file.Path}: {match.Value}")));
    }

    [Fact]
    public void Checks_are_always_on() =>
        Finding.None("Debug.Assert is not there in Release: use Check.That:", Invocations("Debug.Assert", "src/")
            .Concat(Invocations("Debug.Assert", "tests/")).Concat(Invocations("Debug.Fail", "src/")));

    [Fact]
    public void A_test_neither_sleeps_nor_is_skipped() =>
        Finding.None("Wait for a condition with a deadline, or advance simulated time; ask the environment in code:",
            Invocations("Thread.Sleep", "tests/")
                .Concat(Invocations("Task.Delay", "tests/"))
                .Concat(Repository.SourcesIn("tests/").SelectMany(file => file.Nodes<AttributeArgumentSyntax>()
                    .Where(argument => argument.NameEquals?.Name.Identifier.Text == "Skip")
                    .Select(file.At))));

    [Fact]
    public void A_tests_name_is_a_sentence() =>
        Finding.None("Name it by what must hold, with underscores:", Repository.SourcesIn("tests/")
            .SelectMany(file => file.Nodes<MethodDeclarationSyntax>()
                .Where(method => method.AttributeLists.SelectMany(list => list.Attributes)
                    .Any(attribute => attribute.Name.ToString() is "Fact" or "Theory" or "Property"))
                .Where(method => !method.Identifier.Text.Contains('_', StringComparison.Ordinal))
                .Select(method => $"{file.At(method)} {method.Identifier.Text}")));

    [Fact]
    public void No_error_vanishes() =>
        Finding.None("An empty catch says why in a comment; a catch of everything rethrows, filters, or uses what it caught:",
            Repository.Sources.SelectMany(file => file.Nodes<CatchClauseSyntax>().Where(Swallows).Select(file.At)));

    [Fact]
    public void A_namespace_is_its_folder() =>
        Finding.None("The namespace does not match the folder:", Repository.SourcesIn("src/").SelectMany(file =>
        {
            var expected = Path.GetDirectoryName(file.Path)!["src/".Length..].Replace('/', '.');
            return file.Nodes<BaseNamespaceDeclarationSyntax>()
                .Where(declaration => declaration.Name.ToString() != expected)
                .Select(declaration => $"{file.At(declaration)} is {declaration.Name}, not {expected}");
        }));

    [Fact]
    public void A_test_lives_in_the_namespace_of_its_project() =>
        Finding.None("Not in its project's namespace:", Repository.SourcesIn("tests/").SelectMany(file =>
        {
            // Conformance suites are linked into the tests of every implementation, and so have a namespace of their own.
            var expected = file.Path.Contains("/Conformance/", StringComparison.Ordinal)
                ? "Atoll.Conformance" : $"Atoll.{file.Path.Split('/')[1]}.Tests";
            return file.Nodes<BaseNamespaceDeclarationSyntax>()
                .Where(declaration => !(declaration.Name + ".").StartsWith(expected + ".", StringComparison.Ordinal))
                .Select(declaration => $"{file.At(declaration)} is {declaration.Name}, not {expected}");
        }));

    [Fact]
    public void Namespaces_are_named_where_they_are_used() =>
        Finding.None("No global usings:", Repository.Sources
            .SelectMany(file => file.Tree.Usings.Where(directive => directive.GlobalKeyword != default).Select(file.At))
            .Concat(Repository.Files
                .Where(path => Path.GetExtension(path) is ".csproj" or ".props" or ".targets")
                .Where(path => path != "Directory.Build.props" && Regex.IsMatch(Repository.Read(path), "<Using |<ImplicitUsings>"))));

    [Fact]
    public void A_class_is_sealed_unless_something_derives_from_it()
    {
        var bases = Repository.Sources.SelectMany(file => file.Nodes<BaseListSyntax>())
            .SelectMany(list => list.Types)
            .Select(type => SimpleName(type.Type))
            .ToHashSet(StringComparer.Ordinal);
        Finding.None("Seal it (or give it a subclass):", Repository.Sources
            .SelectMany(file => file.Types.Select(type => (File: file, Type: type)))
            .Where(pair => pair.Type.IsKind(SyntaxKind.ClassDeclaration) || pair.Type.IsKind(SyntaxKind.RecordDeclaration))
            .GroupBy(pair => $"{pair.File.Path.Split('/')[1]} {pair.Type.Identifier.Text}", StringComparer.Ordinal)
            .Where(parts => !parts.Any(part => part.Type.Modifiers.Any(modifier => modifier.Text is "sealed" or "static" or "abstract")))
            .Where(parts => !bases.Contains(parts.First().Type.Identifier.Text))
            .Select(parts => $"{parts.First().File.At(parts.First().Type)} {parts.First().Type.Identifier.Text}"));
    }

    [Fact]
    public void A_type_is_one_file() =>
        Finding.None("Partial types hide size: cut by responsibility:", Repository.Sources
            .SelectMany(file => file.Types
                .Where(type => type.Modifiers.Any(modifier => modifier.Text == "partial"))
                .Select(type => (file.Path, Project: file.Path.Split('/')[1], Name: type.Identifier.Text)))
            .GroupBy(part => (part.Project, part.Name))
            .Where(parts => parts.Select(part => part.Path).Distinct(StringComparer.Ordinal).Count() > 1)
            .Select(parts => string.Join(", ", parts.Select(part => part.Path))));

    [Fact]
    public void A_type_is_named_by_what_it_is() =>
        Finding.None("Name it by what it is:", Repository.Sources.SelectMany(file => file.Types
            .Where(type => Regex.IsMatch(type.Identifier.Text, "(Helper|Helpers|Util|Utils|Utility|Utilities|Manager)$"))
            .Select(type => $"{file.At(type)} {type.Identifier.Text}")));

    private static IEnumerable<string> Invocations(string called, string folder) => Repository.SourcesIn(folder)
        .SelectMany(file => file.Nodes<InvocationExpressionSyntax>()
            .Where(call => call.Expression.ToString() is var text
                && (text == called || text.EndsWith("." + called, StringComparison.Ordinal)))
            .Select(file.At));

    private static bool Swallows(CatchClauseSyntax clause)
    {
        var isEmpty = clause.Block.Statements.Count == 0;
        var saysWhy = clause.Block.DescendantTrivia().Any(trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia));
        var catchesAll = clause.Filter is null && clause.Declaration?.Type.ToString() is null or "Exception" or "System.Exception";
        if (!catchesAll || clause.Filter is not null)
        {
            return isEmpty && !saysWhy;
        }

        var rethrows = clause.Block.DescendantNodes().Any(node => node is ThrowStatementSyntax or ThrowExpressionSyntax);
        var caught = clause.Declaration?.Identifier.Text;
        var uses = caught is not null && clause.Block.DescendantNodes().OfType<IdentifierNameSyntax>()
            .Any(name => name.Identifier.Text == caught);
        return !rethrows && !uses;
    }

    private static string SimpleName(TypeSyntax type) => type switch
    {
        QualifiedNameSyntax qualified => SimpleName(qualified.Right),
        SimpleNameSyntax simple => simple.Identifier.Text,
        _ => type.ToString(),
    };
}
