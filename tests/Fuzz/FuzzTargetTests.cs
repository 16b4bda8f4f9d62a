using Xunit;

namespace Atoll.Fuzz.Tests;

/// <summary>
/// Every target for a fixed number of inputs from fixed seeds: what the fuzzing program does for longer, docs/fuzzing.md. A failure names
/// the input in base64; <c>dotnet run --project fuzz/Atoll.Fuzz -- --smoke</c> writes it to a file.
/// </summary>
public sealed class FuzzTargetTests
{
    private const int Iterations = 300;

    private static readonly IReadOnlyList<IFuzzTarget> Targets = FuzzTargets.Create();

    public static TheoryData<string, ulong> Runs =>
        new(Targets.SelectMany(target => new ulong[] { 11, 12 }.Select(seed => (target.Name, seed))));

    public static TheoryData<string> Names => new(Targets.Select(target => target.Name));

    public static TheoryData<string, string> Kept => new(Corpus.All.Select(file => (file.Target, file.Name)));

    [Theory]
    [MemberData(nameof(Runs))]
    public void Every_promise_holds_for_inputs_that_nobody_would_write(string name, ulong seed)
    {
        var run = new FuzzRun(Find(name), seed);
        while (run.Iterations < Iterations)
        {
            var input = run.Next();
            var fault = run.Feed(input);
            Assert.True(fault is null, $"{fault?.Kind}: {fault?.Detail}\ninput: {Convert.ToBase64String(input)}");
        }

        // Fuzz that is always refused, or never, tests little.
        Assert.InRange(run.Accepted, 1, run.Iterations - 1);
        Assert.True(run.Outcomes.Count > 1, string.Join(", ", run.Outcomes.Keys));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_fuzz_begins_with_is_accepted_and_has_right_checksums(string name)
    {
        var target = Find(name);
        Assert.NotEmpty(target.Seeds);
        foreach (var input in target.Seeds)
        {
            Assert.Null(Judge.Try(target, input, out var verdict));
            Assert.True(verdict.IsAccepted, $"{verdict.Outcome}: {Convert.ToBase64String(input)}");
            var mended = input.ToArray();
            target.FixChecksums(mended);
            Assert.Equal(input, mended);
        }
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void An_input_that_once_failed_does_not_fail_again(string target, string file)
    {
        var input = Corpus.All.Single(kept => kept.Target == target && kept.Name == file).Bytes;
        Assert.Null(Judge.Try(Find(target), input, out _));
    }

    [Fact]
    public void Names_are_those_of_folders_and_every_folder_of_the_corpus_is_a_targets()
    {
        Assert.Equal(Targets.Count, Targets.Select(target => target.Name).Distinct().Count());
        Assert.All(Targets, target => Assert.Matches("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", target.Name));
        Assert.All(Corpus.All, file => Assert.Contains(Targets, target => target.Name == file.Target));
    }

    private static IFuzzTarget Find(string name) => Targets.Single(target => target.Name == name);
}
