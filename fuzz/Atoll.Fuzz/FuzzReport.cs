using System.Text;
using System.Text.Json;
using Atoll.Foundation.Bytes;

namespace Atoll.Fuzz;

/// <summary>What the program says: a line or an object for each target, and for each failure all that is needed to see it again.</summary>
internal sealed class FuzzReport(bool isJson, string folder)
{
    /// <summary>Nothing failed.</summary>
    public const int Passed = 0;

    /// <summary>Something failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    private const int Base64BytesMax = 4096;

    /// <summary>Which targets there are.</summary>
    public void List(IReadOnlyList<IFuzzTarget> targets)
    {
        foreach (var target in targets)
        {
            var bound = target.Allocation;
            Line(
                writer =>
                {
                    writer.WriteString("target", target.Name);
                    writer.WriteString("about", target.About);
                    writer.WriteNumber("allocationPerInputByte", bound.PerInputByte);
                    writer.WriteNumber("allocationFixed", bound.Fixed);
                    writer.WriteNumber("seeds", target.Seeds.Count);
                    writer.WriteNumber("corpus", Corpus.Of(target).Count());
                },
                $"{target.Name,-22} {target.About}\n{"",-22} at most {bound.PerInputByte} B an input byte and {bound.Fixed / 1024} KiB; "
                + $"{target.Seeds.Count} seeds, {Corpus.Of(target).Count()} kept inputs");
        }
    }

    /// <summary>How the run of a target went.</summary>
    public void Told(FuzzRun run, TimeSpan time) => Line(
        writer =>
        {
            writer.WriteString("target", run.Target.Name);
            writer.WriteNumber("seed", run.Seed);
            writer.WriteNumber("inputs", run.Iterations);
            writer.WriteNumber("accepted", run.Accepted);
            writer.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
            writer.WriteStartObject("outcomes");
            foreach (var (outcome, times) in run.Outcomes)
            {
                writer.WriteNumber(outcome, times);
            }

            writer.WriteEndObject();
        },
        $"{run.Target.Name,-22} seed {run.Seed}: {run.Iterations,8} inputs, {run.Accepted,8} accepted, {run.Outcomes.Count,4} outcomes, "
        + $"{time.TotalSeconds,6:0.0} s");

    /// <summary>An input failed: writes it to a file, and says all there is to say.</summary>
    public void Failure(IFuzzTarget target, ulong seed, long iteration, byte[] input, int foundBytes, Fault fault)
    {
        Directory.CreateDirectory(folder);
        var name = $"{target.Name}-{StableHash.Compute(input):x16}.bin";
        var path = Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(folder, name));
        File.WriteAllBytes(path, input);
        var replay = $"dotnet run --project fuzz/Atoll.Fuzz -- --target {target.Name} --seed {seed} --input {path}";
        var base64 = input.Length <= Base64BytesMax ? Convert.ToBase64String(input) : "too long: see the file";
        Line(
            writer =>
            {
                writer.WriteString("target", target.Name);
                writer.WriteNumber("seed", seed);
                writer.WriteNumber("iteration", iteration);
                writer.WriteString("failure", fault.Kind);
                writer.WriteString("detail", fault.Detail);
                writer.WriteNumber("inputBytes", input.Length);
                writer.WriteString("base64", base64);
                writer.WriteString("file", path);
                writer.WriteString("replay", replay);
            },
            $"""
            FAILED {target.Name}: {fault.Kind}
              seed {seed}, iteration {iteration}, {input.Length} bytes (found with {foundBytes})
              base64: {base64}
              {fault.Detail.ReplaceLineEndings("\n  ")}
              replay: {replay}
            """);
    }

    /// <summary>One input was fed as it is.</summary>
    public void Replayed(IFuzzTarget target, FileInfo file, Fault? fault, Verdict verdict) => Line(
        writer =>
        {
            writer.WriteString("target", target.Name);
            writer.WriteString("file", file.Name);
            writer.WriteBoolean("accepted", fault is null && verdict.IsAccepted);
            writer.WriteString("outcome", fault?.Kind ?? verdict.Outcome);
            writer.WriteString("detail", fault?.Detail);
        },
        fault is null
            ? $"{target.Name}: {file.Name} is {(verdict.IsAccepted ? "accepted" : "refused")}: {verdict.Outcome}"
            : $"FAILED {target.Name}: {fault.Kind}\n  {fault.Detail.ReplaceLineEndings("\n  ")}");

    private void Line(Action<Utf8JsonWriter> json, string text)
    {
        if (!isJson)
        {
            Console.WriteLine(text);
            return;
        }

        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            json(writer);
            writer.WriteEndObject();
        }

        Console.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }
}
