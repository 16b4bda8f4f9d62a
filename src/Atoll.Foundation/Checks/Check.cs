using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Atoll.Foundation.Checks;

/// <summary>
/// Invariants, always on. A failed check means that the program itself is wrong: the replica (or the node) must
/// stop rather than go on with state that nobody can vouch for. Bad input is never a failed check.
/// </summary>
public static class Check
{
    /// <summary>Stops the caller when an invariant does not hold.</summary>
    /// <exception cref="CheckFailedException">The condition is false.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string expression = "",
        [CallerMemberName] string member = "")
    {
        if (!condition)
        {
            Fail(expression, member);
        }
    }

    /// <summary>Marks a place that no execution may reach.</summary>
    /// <exception cref="CheckFailedException">Always.</exception>
    [DoesNotReturn]
    public static void Unreachable(string why, [CallerMemberName] string member = "") => Fail(why, member);

    // Apart, so that the fast path inlines to one compare and a jump that is never taken.
    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fail(string expression, string member) =>
        throw new CheckFailedException($"check failed in {member}: {expression}");
}

/// <summary>An invariant did not hold. Nothing catches this except the host that stops the node.</summary>
public sealed class CheckFailedException : Exception
{
    /// <summary>An exception with the failed expression as its message.</summary>
    public CheckFailedException(string message) : base(message)
    {
    }

    /// <summary>An exception without an expression.</summary>
    public CheckFailedException()
    {
    }

    /// <summary>An exception with a cause.</summary>
    public CheckFailedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
