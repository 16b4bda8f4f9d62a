using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.Disks;

/// <summary>A file on a simulated disk, whatever its names: content, open handles, and the order of operations under way.</summary>
internal sealed class SimFile(long number, FileImage image)
{
    public static readonly IComparer<SimFile> ByNumber = Comparer<SimFile>.Create((a, b) => a.Number.CompareTo(b.Number));

    private long _asked;
    private long _ended;
    private Instant _lastEndAt;

    public long Number { get; } = number;

    public FileImage Image { get; } = image;

    public int OpenHandles { get; private set; }

    public void Opened() => OpenHandles++;

    public void Closed()
    {
        Check.That(OpenHandles > 0);
        OpenHandles--;
    }

    // Operations on one file end in the order in which they were asked for.
    public long Ask(Instant wished, out Instant at)
    {
        _lastEndAt = at = Instant.Max(wished, _lastEndAt);
        return _asked++;
    }

    public bool IsNextToEnd(long order) => order == _ended;

    public void End() => _ended++;

    public void ForgetOperations()
    {
        OpenHandles = 0;
        _asked = _ended = 0;
        _lastEndAt = Instant.Zero;
    }
}
