using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Atoll.Architecture.Tests;

/// <summary>A C# file with its syntax tree.</summary>
/// <param name="Path">Relative to the root, with '/'.</param>
/// <param name="Text">Its text.</param>
/// <param name="Tree">Its syntax.</param>
internal sealed record SourceFile(string Path, string Text, CompilationUnitSyntax Tree)
{
    /// <summary>Every type declaration in the file.</summary>
    public IEnumerable<TypeDeclarationSyntax> Types => Nodes<TypeDeclarationSyntax>();

    /// <summary>Reads and parses a file.</summary>
    public static SourceFile Parse(string path)
    {
        var text = Repository.Read(path);
        return new SourceFile(path, text, CSharpSyntaxTree.ParseText(text).GetCompilationUnitRoot());
    }

    /// <summary>Every node of a kind in the file.</summary>
    public IEnumerable<T> Nodes<T>()
        where T : SyntaxNode => Tree.DescendantNodes().OfType<T>();

    /// <summary>"path:line", for messages.</summary>
    public string At(SyntaxNode node) => $"{Path}:{node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}";
}
