namespace Atoll.Fuzz;

/// <summary>Makes a failing input small: leaves pieces out, then makes bytes zero, as long as it fails in the same way.</summary>
public static class Minimizer
{
    private const int TriesMax = 3_000;

    /// <summary>The smallest input that was found.</summary>
    public static byte[] Minimize(IFuzzTarget target, byte[] input, Fault fault)
    {
        var tries = 0;
        var best = input;
        for (var piece = Math.Max(1, best.Length / 2); piece > 0; piece /= 2)
        {
            for (var at = 0; at < best.Length && tries < TriesMax;)
            {
                var end = Math.Min(best.Length, at + piece);
                if (Fails([.. best.AsSpan(0, at), .. best.AsSpan(end)]) is { } smaller)
                {
                    best = smaller;
                }
                else
                {
                    at = end;
                }
            }
        }

        for (var at = 0; at < best.Length && tries < TriesMax; at++)
        {
            if (best[at] != 0)
            {
                var candidate = best.ToArray();
                candidate[at] = 0;
                best = Fails(candidate) ?? best;
            }
        }

        return best;

        // As it is; or with right checksums, which it lost with the piece.
        byte[]? Fails(byte[] candidate)
        {
            tries++;
            if (Judge.Try(target, candidate, out _)?.Kind == fault.Kind)
            {
                return candidate;
            }

            var mended = candidate.ToArray();
            target.FixChecksums(mended);
            return !mended.AsSpan().SequenceEqual(candidate) && Judge.Try(target, mended, out _)?.Kind == fault.Kind ? mended : null;
        }
    }
}
