using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Sorted;

/// <summary>The tree against the simplest thing that does the same: a sorted dictionary, and copies of it as snapshots.</summary>
public sealed class CopyOnWriteTreeTests
{
    [Theory]
    [InlineData(1, 60)]
    [InlineData(2, 400)]
    [InlineData(3, 3_000)]
    [InlineData(4, 60_000)]
    public void It_agrees_with_a_sorted_dictionary_at_every_step_and_so_do_its_snapshots(int group, int keySpace)
    {
        for (var seed = 0; seed < 25; seed++)
        {
            new Run((ulong)((group * 1_000) + seed), keySpace).Go(steps: 4_000);
        }
    }

    [Fact]
    public void Keys_in_order_fill_leaves_and_keys_in_any_order_come_out_sorted()
    {
        foreach (var step in new[] { 1UL, 7_919UL, ulong.MaxValue })
        {
            var tree = new CopyOnWriteTree<ulong, ulong, NumberOrder>();
            const ulong count = 100_003;
            for (ulong i = 0; i < count; i++)
            {
                var key = unchecked(i * step) % count;
                key = step == ulong.MaxValue ? count - 1 - i : key;
                Assert.False(tree.Put(key, key + 1, out _));
            }

            tree.CheckInvariants();
            var cursor = tree.OpenCursor();
            Assert.True(cursor.SeekFirst());
            for (ulong i = 0; i < count; i++)
            {
                Assert.Equal(i, cursor.Key);
                Assert.Equal(i + 1, cursor.Value);
                Assert.Equal(i + 1 < count, cursor.Next());
            }

            for (ulong i = 0; i < count; i++)
            {
                Assert.True(tree.Remove(unchecked(i * 31) % count, out var removed));
                Assert.Equal((unchecked(i * 31) % count) + 1, removed);
            }

            tree.CheckInvariants();
            Assert.Equal(0, tree.Count);
            Assert.False(cursor.SeekFirst());
        }
    }

    [Fact]
    public void A_cursor_over_the_live_tree_may_not_outlive_a_write()
    {
        var tree = new CopyOnWriteTree<ulong, int, NumberOrder>();
        tree.Put(1, 1, out _);
        tree.Put(2, 2, out _);
        var live = tree.OpenCursor();
        var old = tree.Snapshot().OpenCursor();
        Assert.True(live.SeekFirst());
        Assert.True(old.SeekFirst());
        tree.Put(3, 3, out _);
        Assert.Throws<CheckFailedException>(() => live.Next());
        Assert.True(old.Next());
        Assert.False(old.Next());
        Assert.True(live.SeekLast());
        Assert.Equal(3, live.Value);
    }

    [Fact]
    public void Clearing_leaves_snapshots_as_they_are()
    {
        var tree = new CopyOnWriteTree<ulong, int, NumberOrder>();
        for (ulong i = 0; i < 1_000; i++)
        {
            tree.Put(i, 0, out _);
        }

        var snapshot = tree.Snapshot();
        tree.Clear();
        tree.Put(5_000, 1, out _);
        Assert.Equal(1_000, snapshot.Count);
        Assert.True(snapshot.TryGet(999, out _));
        Assert.False(snapshot.TryGet(5_000, out _));
        Assert.Equal(1, tree.Count);
    }

    private sealed class Run(ulong seed, int keySpace)
    {
        private readonly Prng _random = new(seed);
        private readonly CopyOnWriteTree<ulong, int, NumberOrder> _tree = new();
        private readonly SortedDictionary<ulong, int> _model = [];
        private readonly List<(TreeSnapshot<ulong, int, NumberOrder> Tree, KeyValuePair<ulong, int>[] Model)> _snapshots = [];

        public void Go(int steps)
        {
            var putShare = 700_000;
            for (var step = 0; step < steps; step++)
            {
                if (_random.Chance(2_000))
                {
                    // Phases of growth and of decay, so that both splits and merges happen.
                    putShare = _random.NextInt(50_000, 950_000);
                }

                Step(step, putShare);
            }

            _tree.CheckInvariants();
            Walk(_tree.OpenCursor(), [.. _model]);
            foreach (var (tree, model) in _snapshots)
            {
                Assert.Equal(model.Length, tree.Count);
                Walk(tree.OpenCursor(), model);
                Seek(tree.OpenCursor(), model);
            }
        }

        private void Step(int step, int putShare)
        {
            var key = _random.NextBelow((ulong)keySpace);
            if (_random.Chance(putShare))
            {
                var replaced = _tree.Put(key, step, out var previous);
                Assert.Equal(_model.TryGetValue(key, out var expected), replaced);
                Assert.Equal(expected, previous);
                _model[key] = step;
            }
            else
            {
                var removed = _tree.Remove(key, out var previous);
                Assert.Equal(_model.Remove(key, out var expected), removed);
                Assert.Equal(expected, previous);
            }

            Assert.Equal(_model.Count, _tree.Count);
            Assert.Equal(_model.TryGetValue(key, out var now), _tree.TryGet(key, out var found));
            Assert.Equal(now, found);
            if (_random.Chance(3_000))
            {
                _tree.CheckInvariants();
                _snapshots.Add((_tree.Snapshot(), [.. _model]));
            }
        }

        private static void Walk(TreeCursor<ulong, int, NumberOrder> cursor, KeyValuePair<ulong, int>[] model)
        {
            var more = cursor.SeekFirst();
            foreach (var (key, value) in model)
            {
                Assert.True(more);
                Assert.Equal(key, cursor.Key);
                Assert.Equal(value, cursor.Value);
                more = cursor.Next();
            }

            Assert.False(more);
            more = cursor.SeekLast();
            for (var i = model.Length - 1; i >= 0; i--)
            {
                Assert.True(more);
                Assert.Equal(model[i].Key, cursor.Key);
                more = cursor.Previous();
            }

            Assert.False(more);
            Assert.False(cursor.IsValid);
        }

        private void Seek(TreeCursor<ulong, int, NumberOrder> cursor, KeyValuePair<ulong, int>[] model)
        {
            for (var i = 0; i < 200; i++)
            {
                var key = _random.NextBelow((ulong)keySpace + 2);
                Expect(cursor.SeekAtOrAfter(key), cursor, model.Where(p => p.Key >= key).Take(1));
                Expect(cursor.SeekAfter(key), cursor, model.Where(p => p.Key > key).Take(1));
                Expect(cursor.SeekAtOrBefore(key), cursor, model.Where(p => p.Key <= key).TakeLast(1));
                Expect(cursor.SeekBefore(key), cursor, model.Where(p => p.Key < key).TakeLast(1));
                if (cursor.IsValid)
                {
                    // Turning around comes back to the same place.
                    var here = cursor.Key;
                    Assert.True(!cursor.Next() || (cursor.Previous() && cursor.Key == here));
                }
            }
        }

        private static void Expect(
            bool found, TreeCursor<ulong, int, NumberOrder> cursor, IEnumerable<KeyValuePair<ulong, int>> expected)
        {
            var wanted = expected.ToArray();
            Assert.Equal(wanted.Length == 1, found);
            Assert.Equal(found, cursor.IsValid);
            if (found)
            {
                Assert.Equal(wanted[0].Key, cursor.Key);
                Assert.Equal(wanted[0].Value, cursor.Value);
            }
        }
    }
}
