using System.Globalization;
using System.Text;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>
/// What clients did to one compare-and-set register and saw of it, and whether one order of the operations explains it (Herlihy and Wing,
/// 1990; the search is that of Wing and Gong, 1993, with Lowe's memory of configurations, 2017).
/// </summary>
public sealed class RegisterHistory
{
    private readonly List<Call> _calls = [];
    private int _moments;

    public int Count => _calls.Count;

    public int Invoke(long? expected, long? value)
    {
        _calls.Add(new Call { Expected = expected, Value = value, Invoked = _moments++ });
        return _calls.Count - 1;
    }

    /// <summary>The operation took effect (true), or saw another value (false), or read one (no condition).</summary>
    public void Return(int call, bool applied, long seen)
    {
        _calls[call].Returned = _moments++;
        _calls[call].Applied = applied;
        _calls[call].Seen = seen;
    }

    /// <summary>The operation had no effect for sure: as if it had never been asked for.</summary>
    public void Drop(int call) => _calls[call].IsDropped = true;

    /// <summary>Null when an order exists, else the history.</summary>
    public string? Contradiction()
    {
        var calls = _calls.Where(call => !call.IsDropped && (call.Returned != int.MaxValue || call.Value is not null)).ToArray();
        return Search(calls) ? null : Describe(calls);
    }

    private static bool Search(Call[] calls)
    {
        // Depth first over (set of taken operations, value); the set as a bit string.
        var visited = new HashSet<string>();
        var stack = new Stack<(bool[] Taken, long Value)>();
        stack.Push((new bool[calls.Length], 0));
        while (stack.TryPop(out var state))
        {
            var firstReturn = int.MaxValue;
            for (var i = 0; i < calls.Length; i++)
            {
                firstReturn = state.Taken[i] ? firstReturn : Math.Min(firstReturn, calls[i].Returned);
            }

            if (firstReturn == int.MaxValue)
            {
                return true;
            }

            for (var i = 0; i < calls.Length; i++)
            {
                if (!state.Taken[i] && calls[i].Invoked < firstReturn && calls[i].TryAfter(state.Value, out var after))
                {
                    var taken = (bool[])state.Taken.Clone();
                    taken[i] = true;
                    if (visited.Add(Key(taken, after)))
                    {
                        stack.Push((taken, after));
                    }
                }
            }
        }

        return false;
    }

    private static string Key(bool[] taken, long value)
    {
        var key = new char[taken.Length + 1];
        for (var i = 0; i < taken.Length; i++)
        {
            key[i] = taken[i] ? '1' : '0';
        }

        key[^1] = (char)(ushort)value;
        return new string(key);
    }

    private static string Describe(Call[] calls)
    {
        var text = new StringBuilder("not linearizable:\n");
        foreach (var call in calls)
        {
            var returned = call.Returned == int.MaxValue ? "..." : call.Returned.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"  [{call.Invoked}..{returned}] ");
            text.Append(call.Value is null ? "read" : $"{call.Expected} -> {call.Value}");
            text.Append(call.Returned == int.MaxValue ? " unknown" : call is { Applied: true } ? " applied" : $" saw {call.Seen}");
            text.Append('\n');
        }

        return text.ToString();
    }

    private sealed class Call
    {
        public long? Expected { get; init; }

        public long? Value { get; init; }

        public int Invoked { get; init; }

        public int Returned { get; set; } = int.MaxValue;

        public bool Applied { get; set; }

        public long Seen { get; set; }

        public bool IsDropped { get; set; }

        public bool TryAfter(long value, out long after)
        {
            after = value;
            if (Returned == int.MaxValue)
            {
                // It may have happened; where its condition does not hold it changes nothing.
                after = value == Expected ? Value!.Value : value;
                return value == Expected;
            }

            if (Value is null || !Applied)
            {
                return value == Seen && (Value is null || Seen != Expected);
            }

            after = Value.Value;
            return value == Expected;
        }
    }
}
