using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;

namespace Atoll.Fuzz;

/// <summary>
/// The fuzzing of one target from one seed: first the seeds and the corpus as they are, then what is made of them, without end. The same
/// seed feeds the same inputs in the same order.
/// </summary>
public sealed class FuzzRun
{
    private const int InputsMax = 512;
    private const int InputBytesMax = 64 * 1024;

    private readonly Mutator _mutator;
    private readonly Prng _prng;
    private readonly List<byte[]> _inputs;
    private readonly SortedDictionary<string, long> _outcomes = new(StringComparer.Ordinal);
    private readonly int _given;

    /// <summary>A run that is not begun.</summary>
    public FuzzRun(IFuzzTarget target, ulong seed)
    {
        Target = target;
        Seed = seed;
        _inputs = [.. target.Seeds, .. Corpus.Of(target).Select(file => file.Bytes)];
        _given = _inputs.Count;
        _prng = new Prng(seed ^ StableHash.Compute(System.Text.Encoding.UTF8.GetBytes(target.Name)));
        _mutator = new Mutator(_prng.Fork(), Math.Max(InputBytesMax, _inputs.Max(input => input.Length) * 2), target.Words);
    }

    /// <summary>Who is fed.</summary>
    public IFuzzTarget Target { get; }

    /// <summary>What decides everything.</summary>
    public ulong Seed { get; }

    /// <summary>Inputs so far.</summary>
    public long Iterations { get; private set; }

    /// <summary>How many of them were accepted.</summary>
    public long Accepted { get; private set; }

    /// <summary>In which ways inputs ended, and how many in each.</summary>
    public IReadOnlyDictionary<string, long> Outcomes => _outcomes;

    /// <summary>Makes the next input.</summary>
    public byte[] Next()
    {
        if (Iterations < _given)
        {
            return _inputs[(int)Iterations];
        }

        var input = _mutator.Next(_inputs, Target.Seeds.Count);
        if (_prng.Chance(600_000))
        {
            Target.FixChecksums(input);
        }

        return input;
    }

    /// <summary>Feeds what <see cref="Next"/> made.</summary>
    /// <returns>What is wrong, or null.</returns>
    public Fault? Feed(byte[] input)
    {
        Iterations++;
        var fault = Judge.Try(Target, input, out var verdict);
        if (fault is not null)
        {
            return fault;
        }

        Accepted += verdict.IsAccepted ? 1 : 0;
        var isNew = !_outcomes.TryGetValue(verdict.Outcome, out var times);
        if (isNew && Iterations > _given && _inputs.Count < InputsMax)
        {
            _inputs.Add(input);
        }

        if (!isNew || _outcomes.Count < InputsMax)
        {
            _outcomes[verdict.Outcome] = times + 1;
        }

        return null;
    }
}
