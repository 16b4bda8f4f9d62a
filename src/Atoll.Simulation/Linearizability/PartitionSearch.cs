using Atoll.Foundation.Checks;

namespace Atoll.Simulation.Linearizability;

/// <summary>
/// The search of Wing and Gong (1993) with Lowe's memory of configurations (2017): takes operations one after the other as long as none is
/// taken that was invoked after the return of one not yet taken, and goes back where that ends. A configuration (which operations were
/// taken, and the state) is visited once.
/// </summary>
internal sealed class PartitionSearch
{
    private readonly Node _head = new(null, false);
    private readonly HashSet<UInt128> _visited = [];
    private readonly Stack<(Node Call, ModelState Before)> _taken = new();
    private readonly long _statesMax;
    private ModelState _state;
    private UInt128 _takenHash;

    public PartitionSearch(IEnumerable<ModelOperation> operations, int keys, long statesMax)
    {
        _state = ModelState.Empty(keys);
        _statesMax = statesMax;
        var moments = new List<(long Moment, Node Node)>();
        foreach (var operation in operations)
        {
            var call = new Node(operation, false);
            moments.Add((operation.Invoked, call));
            if (operation.Returned != Operation.NeverReturned)
            {
                call.Return = new Node(operation, true);
                moments.Add((operation.Returned, call.Return));
            }
        }

        moments.Sort((a, b) => a.Moment.CompareTo(b.Moment));
        var last = _head;
        foreach (var (_, node) in moments)
        {
            node.Previous = last;
            last.Next = node;
            last = node;
        }
    }

    /// <summary>Configurations visited.</summary>
    public long States => _visited.Count;

    /// <summary>True: an order exists. False: none does. Null: more configurations than allowed.</summary>
    public bool? Run()
    {
        var node = _head.Next;
        while (true)
        {
            if (node is null)
            {
                // Everything that returned is taken; what did not return need not have happened.
                return true;
            }

            if (node.IsReturn)
            {
                if (_taken.Count == 0)
                {
                    return false;
                }

                var (call, before) = _taken.Pop();
                _state = before;
                _takenHash -= HashOf(call.Operation!);
                PutBack(call);
                node = call.Next;
                continue;
            }

            var after = _state.After(node.Operation!);
            if (after is not null && _visited.Add(Configuration(_takenHash + HashOf(node.Operation!), after)))
            {
                if (_visited.Count > _statesMax)
                {
                    return null;
                }

                _taken.Push((node, _state));
                _state = after;
                _takenHash += HashOf(node.Operation!);
                TakeOut(node);
                node = _head.Next;
            }
            else
            {
                node = node.Next;
            }
        }
    }

    // 128 random-looking bits an operation: the sum stands for the set, and two different sets never meet in practice.
    private static UInt128 HashOf(ModelOperation operation)
    {
        var low = Mixed((ulong)operation.Source.Number + 1);
        return new UInt128(Mixed(low ^ 0xA5A5A5A5A5A5A5A5), low);
    }

    private static ulong Mixed(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static UInt128 Configuration(UInt128 taken, ModelState state)
    {
        var hash = state.Hash;
        return taken ^ new UInt128(Mixed(hash), Mixed(hash + 1));
    }

    private static void TakeOut(Node call)
    {
        Unlink(call);
        if (call.Return is not null)
        {
            Unlink(call.Return);
        }
    }

    private static void PutBack(Node call)
    {
        if (call.Return is not null)
        {
            Relink(call.Return);
        }

        Relink(call);
    }

    private static void Unlink(Node node)
    {
        Check.That(node.Previous is not null);
        node.Previous.Next = node.Next;
        if (node.Next is not null)
        {
            node.Next.Previous = node.Previous;
        }
    }

    private static void Relink(Node node)
    {
        node.Previous!.Next = node;
        if (node.Next is not null)
        {
            node.Next.Previous = node;
        }
    }

    private sealed class Node(ModelOperation? operation, bool isReturn)
    {
        public ModelOperation? Operation => operation;

        public bool IsReturn => isReturn;

        public Node? Return { get; set; }

        public Node? Previous { get; set; }

        public Node? Next { get; set; }
    }
}
