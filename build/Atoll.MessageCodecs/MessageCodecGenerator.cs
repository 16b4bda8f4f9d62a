using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Atoll.MessageCodecs;

/// <summary>
/// Makes a class with its codec for each message of a schema (a file *.schema among the additional files of the project), a list of all
/// calls, and an enumeration of their keys. They go into the namespace that the project names in MessageCodecsNamespace, which has the
/// reader, the writer and the interfaces that they use.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class MessageCodecGenerator : IIncrementalGenerator
{
    private static readonly DiagnosticDescriptor NotUnderstood = new(
        "ATOLL001", "The schema of messages is not understood", "{0}", "Schema", DiagnosticSeverity.Error, isEnabledByDefault: true);

    /// <inheritdoc />
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var target = context.AnalyzerConfigOptionsProvider.Select(static (provider, _) =>
            provider.GlobalOptions.TryGetValue("build_property.MessageCodecsNamespace", out var name) ? name : "");
        var schemas = context.AdditionalTextsProvider
            .Where(static file => file.Path.EndsWith(".schema", StringComparison.Ordinal))
            .Select(static (file, cancellation) => (file.Path, Text: file.GetText(cancellation)));
        context.RegisterSourceOutput(schemas.Combine(target), static (output, pair) =>
            Generate(output, pair.Left.Path, pair.Left.Text ?? SourceText.From(""), pair.Right));
    }

    private static void Generate(SourceProductionContext output, string path, SourceText text, string target)
    {
        var parser = new SchemaParser();
        parser.Parse(text);
        foreach (var fault in parser.Faults)
        {
            var line = text.Lines[fault.Line];
            output.ReportDiagnostic(Diagnostic.Create(
                NotUnderstood, Location.Create(path, line.Span, text.Lines.GetLinePositionSpan(line.Span)), fault.Message));
        }

        if (parser.Faults.Count > 0)
        {
            return;
        }

        output.AddSource("Apis.g.cs", new ApiListEmitter(target).Emit(parser.Apis));
        foreach (var api in parser.Apis)
        {
            output.AddSource(api.Request.Name + ".g.cs", new MessageEmitter(target, api).Emit(api.Request));
            output.AddSource(api.Response.Name + ".g.cs", new MessageEmitter(target, api).Emit(api.Response));
        }
    }
}
