using System.Diagnostics.CodeAnalysis;

namespace Atoll.Fuzz;

/// <summary>
/// Something that takes bytes from outside. It must do with any bytes what it promises: take or refuse them, in bounded memory, and without
/// an exception. What <see cref="Run"/> throws is a failure, so each target catches the errors that its subject declares, and nothing else.
/// </summary>
public interface IFuzzTarget
{
    /// <summary>The name on the command line and of the folder in the corpus: small letters and dashes.</summary>
    string Name { get; }

    /// <summary>What is fed, and what must hold, in one line.</summary>
    string About { get; }

    /// <summary>How much a run may allocate on its thread.</summary>
    AllocationBound Allocation { get; }

    /// <summary>Good inputs, from which others are made; every one must be accepted.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Words that mean something here, for texts.</summary>
    IReadOnlyList<string> Words => [];

    /// <summary>Makes the checksums in the input right, so that the fuzz gets behind them. Does nothing where there are none.</summary>
    void FixChecksums(Span<byte> input)
    {
    }

    /// <summary>Feeds an input. The same bytes do the same every time.</summary>
    /// <exception cref="BrokenPromiseException">Something that must hold does not.</exception>
    Verdict Run(ReadOnlyMemory<byte> input);
}

/// <summary>
/// How much a run may allocate on its thread: far above what is needed, far below what a length that nobody checked would take.
/// </summary>
/// <param name="PerInputByte">Bytes for each byte of the input.</param>
/// <param name="Fixed">Bytes whatever the input.</param>
public readonly record struct AllocationBound(int PerInputByte, int Fixed)
{
    /// <summary>For decoders that keep slices of the input.</summary>
    public static readonly AllocationBound OfDecoder = new(64, 64 * 1024);

    /// <summary>For those that build things of their own: 64 times the input and 1 MiB.</summary>
    public static readonly AllocationBound Usual = new(64, 1024 * 1024);

    /// <summary>The bound for an input of that length.</summary>
    public long For(int inputBytes) => ((long)PerInputByte * inputBytes) + Fixed;
}

/// <summary>What became of an input.</summary>
/// <param name="IsAccepted">Whether it was taken as good.</param>
/// <param name="Outcome">In which of few ways: an input that ends in a new way is kept, and others are made from it.</param>
public readonly record struct Verdict(bool IsAccepted, string Outcome)
{
    private const int ReasonMax = 32;

    /// <summary>Taken.</summary>
    public static Verdict Accepted(string outcome = "accepted") => new(true, outcome);

    /// <summary>Refused, as it should be.</summary>
    public static Verdict Refused(string outcome = "refused") => new(false, outcome);

    /// <summary>Refused with a sentence for people: its beginning, without what it quotes and without numbers, is the outcome.</summary>
    public static Verdict RefusedFor(string reason)
    {
        BrokenPromiseException.Unless(reason.Length > 0, "who refuses says why");
        var words = reason.TakeWhile(letter => letter is not '"' and not '\'').Where(letter => !char.IsAsciiDigit(letter));
        return new(false, new string([.. words.Take(ReasonMax)]));
    }
}

/// <summary>Something that must hold for every input does not.</summary>
public sealed class BrokenPromiseException : Exception
{
    /// <summary>What does not hold.</summary>
    public BrokenPromiseException(string message) : base(message)
    {
    }

    /// <summary>An exception without words.</summary>
    public BrokenPromiseException()
    {
    }

    /// <summary>An exception with a cause.</summary>
    public BrokenPromiseException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Throws when what must hold does not.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="promise">What must hold, in words that are the same for all inputs that break it.</param>
    public static void Unless([DoesNotReturnIf(false)] bool holds, string promise)
    {
        if (!holds)
        {
            throw new BrokenPromiseException(promise);
        }
    }
}
