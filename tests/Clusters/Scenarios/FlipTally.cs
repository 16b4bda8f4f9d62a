using System.Globalization;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>What kind of file a bit was flipped in.</summary>
internal enum FlippedFile
{
    Segment = 0,
    SortedFile = 1,
    ValueFile = 2,
    Manifest = 3,
    Snapshot = 4,
}

/// <summary>How a flipped bit was noticed first.</summary>
internal enum FlipVerdict
{
    /// <summary>Not at all: nothing needs what it hit, or there was another copy.</summary>
    Harmless = 0,

    /// <summary>Somebody read what it hit.</summary>
    FoundOnRead = 1,

    /// <summary>The node went through its files.</summary>
    FoundByScrub = 2,

    /// <summary>The node started.</summary>
    FoundAtOpening = 3,
}

/// <summary>Counts flips by kind and by what became of them.</summary>
internal sealed class FlipTally
{
    private readonly SortedDictionary<(FlippedFile File, bool IsLive, FlipVerdict Verdict), (int Flips, int Repaired)> _counts = [];

    public int Flips => _counts.Values.Sum(count => count.Flips);

    public void Add(FlippedFile file, bool isLive, FlipVerdict verdict, bool isRepaired)
    {
        var (flips, repaired) = _counts.GetValueOrDefault((file, isLive, verdict));
        _counts[(file, isLive, verdict)] = (flips + 1, repaired + (isRepaired ? 1 : 0));
    }

    public void Add(FlipTally other)
    {
        foreach (var (key, (flips, repaired)) in other._counts)
        {
            var (before, repairedBefore) = _counts.GetValueOrDefault(key);
            _counts[key] = (before + flips, repairedBefore + repaired);
        }
    }

    public int Of(FlippedFile file) => _counts.Where(pair => pair.Key.File == file).Sum(pair => pair.Value.Flips);

    public int NoticedIn(FlippedFile file) =>
        _counts.Where(pair => pair.Key.File == file && pair.Key.Verdict != FlipVerdict.Harmless).Sum(pair => pair.Value.Flips);

    public int RepairedIn(FlippedFile file) => _counts.Where(pair => pair.Key.File == file).Sum(pair => pair.Value.Repaired);

    public override string ToString() => string.Join('\n', _counts.Select(static pair =>
    {
        var ((file, isLive, verdict), (flips, repaired)) = pair;
        return string.Create(
            CultureInfo.InvariantCulture, $"{file,-10} {(isLive ? "live" : "at rest"),-7} {verdict,-14} {flips,6}, repaired {repaired,6}");
    }));
}
