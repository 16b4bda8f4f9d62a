namespace Atoll.Foundation.Checks;

/// <summary>
/// A rare situation with a name. Simulation counts how often each was reached over a night's seeds: one that was
/// never seen is a hole in the tests. Declared once, in a static field; hitting it is one interlocked increment.
/// </summary>
public sealed class Probe
{
    private static readonly SortedDictionary<string, Probe> Declared = new(StringComparer.Ordinal);

    private long _hits;

    private Probe(string name) => Name = name;

    /// <summary>The situation, in words: "raft: leader steps down in mid-snapshot".</summary>
    public string Name { get; }

    /// <summary>How often the situation was reached in this process.</summary>
    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>Declares a probe; two declarations of one name share the count.</summary>
    public static Probe Define(string name)
    {
#pragma warning disable RS0030 // static initialisers of different types may race; this is not on any data path
        lock (Declared)
#pragma warning restore RS0030
        {
            if (!Declared.TryGetValue(name, out var probe))
            {
                Declared[name] = probe = new Probe(name);
            }

            return probe;
        }
    }

    /// <summary>All declared probes of loaded types, by name.</summary>
    public static IReadOnlyList<Probe> All()
    {
#pragma warning disable RS0030 // as above
        lock (Declared)
#pragma warning restore RS0030
        {
            return [.. Declared.Values];
        }
    }

    /// <summary>The situation has come up.</summary>
    public void Hit() => Interlocked.Increment(ref _hits);
}
