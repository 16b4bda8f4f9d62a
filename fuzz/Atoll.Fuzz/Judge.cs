using System.Diagnostics;

namespace Atoll.Fuzz;

/// <summary>Feeds one input and says whether all that must hold does.</summary>
public static class Judge
{
    /// <summary>Feeds an input.</summary>
    /// <param name="target">Who takes it.</param>
    /// <param name="input">The bytes.</param>
    /// <param name="verdict">What became of it, when nothing is wrong.</param>
    /// <returns>What is wrong, or null.</returns>
    public static Fault? Try(IFuzzTarget target, byte[] input, out Verdict verdict)
    {
        var fault = TryOnce(target, input, out verdict);

        // What is made once for all (tables, compiled patterns) is charged to whoever comes first: only what is paid every time counts.
        return fault is { IsAllocation: true } ? TryOnce(target, input, out verdict) : fault;
    }

    private static Fault? TryOnce(IFuzzTarget target, byte[] input, out Verdict verdict)
    {
        verdict = default;
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            verdict = target.Run(input);
        }
        catch (BrokenPromiseException broken)
        {
            return new Fault("promise: " + broken.Message, broken.Message);
        }
        catch (Exception error)
        {
            return new Fault(KindOf(error), error.ToString());
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated <= target.Allocation.For(input.Length) ? null : new Fault(
            "allocation",
            $"{allocated} bytes were allocated for an input of {input.Length}; the bound is {target.Allocation.For(input.Length)}",
            IsAllocation: true);
    }

    /// <summary>The same for the same bug: the exception's type, and the method that it comes from.</summary>
    private static string KindOf(Exception error)
    {
        var frames = new StackTrace(error).GetFrames();
        var own = frames.FirstOrDefault(frame => frame.GetMethod()?.DeclaringType?.FullName?.StartsWith("Atoll.", StringComparison.Ordinal)
            == true && frame.GetMethod()!.DeclaringType!.Namespace != "Atoll.Foundation.Checks")?.GetMethod();
        return $"{error.GetType().Name} in {own?.DeclaringType?.FullName ?? "?"}.{own?.Name ?? "?"}";
    }
}

/// <summary>What is wrong with what a target did.</summary>
/// <param name="Kind">In few words, the same for the same bug.</param>
/// <param name="Detail">All that is known.</param>
/// <param name="IsAllocation">Whether it took too much memory.</param>
public sealed record Fault(string Kind, string Detail, bool IsAllocation = false);
