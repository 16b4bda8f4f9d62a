using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Atoll.Architecture.Tests;

/// <summary>docs/architecture.md: one project a floor, and a floor references only floors below it in this list.</summary>
public sealed class FloorTests
{
    private static readonly string[] Floors =
    [
        "Atoll.Foundation", "Atoll.Kernel", "Atoll.Storage", "Atoll.StateMachines", "Atoll.Node", "Atoll.Services", "Atoll.Gateways",
        "Atoll.Live", "Atoll.Simulation", "Atoll.Client", "Atoll",
    ];

    private static readonly string[] DeterministicFloors =
        ["Atoll.Foundation", "Atoll.Kernel", "Atoll.Storage", "Atoll.StateMachines", "Atoll.Node"];

    /// <summary>The only file that may step around a ban: static initialisers of different types may race.</summary>
    private const string FileWithSuppression = "src/Atoll.Foundation/Checks/Probe.cs";

    [Fact]
    public void Every_project_of_the_source_is_a_floor()
    {
        var projects = Projects("src/").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal);
        Assert.Equal(Floors.Order(StringComparer.Ordinal), projects);
    }

    [Fact]
    public void A_project_names_only_floors_below_it()
    {
        Finding.None("A floor may only reference floors below it:", Projects("src/").SelectMany(path =>
        {
            var own = Array.IndexOf(Floors, Path.GetFileNameWithoutExtension(path));
            return References(path)
                .Where(name => Array.IndexOf(Floors, name) >= own || !Floors.Contains(name))
                .Select(name => $"{path} -> {name}");
        }));
    }

    [Fact]
    public void An_assembly_uses_only_floors_below_it()
    {
        Finding.None("An assembly may only use floors below it:", Floors.SelectMany((floor, own) =>
            AssemblyReferences(floor)
                .Where(name => name.StartsWith("Atoll", StringComparison.OrdinalIgnoreCase))
                .Where(name => Array.FindIndex(Floors, candidate => candidate.Equals(name, StringComparison.OrdinalIgnoreCase)) >= own)
                .Select(name => $"{floor} -> {name}")));
    }

    [Fact]
    public void Nothing_in_the_source_references_a_test_project()
    {
        Finding.None("Production code may not reference tests:", Projects("src/")
            .Where(path => Repository.Read(path).Contains("tests/", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_banned_symbols_are_checked_in_every_deterministic_floor()
    {
        Finding.None("The analyzer of banned symbols is not among what was restored for:", DeterministicFloors
            .Where(floor => !Repository.Read($"src/{floor}/obj/project.assets.json")
                .Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("T:System.DateTime;")]
    [InlineData("T:System.Diagnostics.Stopwatch;")]
    [InlineData("T:System.Random;")]
    [InlineData("T:System.Threading.Thread;")]
    [InlineData("T:System.Threading.Timer;")]
    [InlineData("T:System.Threading.Tasks.Task;")]
    [InlineData("T:System.Environment;")]
    [InlineData("T:System.IO.File;")]
    [InlineData("N:System.Net.Sockets;")]
    [InlineData("T:System.HashCode;")]
    [InlineData("M:System.String.GetHashCode;")]
    [InlineData("M:System.Guid.NewGuid;")]
    public void What_leaks_the_machine_is_banned(string symbol) =>
        Assert.Contains(symbol, Repository.Read("build/BannedSymbols.txt"), StringComparison.Ordinal);

    [Fact]
    public void No_ban_is_switched_off()
    {
        // Spelled in two parts, or this file would find itself.
        var rule = new Regex("RS00" + "30");
        Finding.None("A ban may only be stepped around in " + FileWithSuppression + ":", Repository.Files
            .Where(path => path != FileWithSuppression)
            .Where(path => Path.GetExtension(path) is ".cs" or ".csproj" or ".props" or ".targets" or ".editorconfig" or ".globalconfig")
            .Where(path => rule.IsMatch(Repository.Read(path))));
    }

    [Fact]
    public void The_deterministic_floors_keep_no_mutable_statics()
    {
        Finding.None("A static field below Live must be readonly (simulated nodes share the process):", DeterministicFloors
            .SelectMany(floor => Repository.SourcesIn($"src/{floor}/"))
            .SelectMany(file => file.Nodes<Microsoft.CodeAnalysis.CSharp.Syntax.FieldDeclarationSyntax>()
                .Where(field => field.Modifiers.Any(modifier => modifier.Text == "static"))
                .Where(field => !field.Modifiers.Any(modifier => modifier.Text is "readonly" or "const"))
                .Select(file.At)));
    }

    private static IEnumerable<string> Projects(string folder) => Repository.Files
        .Where(path => path.StartsWith(folder, StringComparison.Ordinal) && path.EndsWith(".csproj", StringComparison.Ordinal));

    // A generator runs in the compiler, and is not in what is built.
    private static IEnumerable<string> References(string project) => XDocument.Parse(Repository.Read(project))
        .Descendants("ProjectReference")
        .Where(reference => reference.Attribute("OutputItemType")?.Value != "Analyzer")
        .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

    private static List<string> AssemblyReferences(string floor)
    {
        var file = floor == "Atoll" ? "atoll.dll" : floor + ".dll";
        var path = Path.Combine(Repository.Root, "src", floor, "bin", Repository.Configuration, "net10.0", file);
        using var image = new PEReader(File.OpenRead(path));
        var metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
