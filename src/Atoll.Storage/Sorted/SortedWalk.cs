using Atoll.Storage.Lsm;

namespace Atoll.Storage.Sorted;

/// <summary>Walks over a sorted store that has to bring parts of itself into memory on the way.</summary>
public static class SortedWalk
{
    /// <summary>Goes from a record on, and disposes of the cursor at the end.</summary>
    /// <param name="cursor">A cursor of its own.</param>
    /// <param name="take">Told of each record; false ends the walk.</param>
    /// <param name="done">The end, now or later on the same loop: null, or what kept the walk from going on.</param>
    /// <param name="from">The first key to look at; empty for the first that there is.</param>
    public static void Run(
        ISortedCursor cursor, Predicate<ISortedCursor> take, Action<StoreFault?> done, ReadOnlyMemory<byte> from = default)
    {
        cursor.SeekAtOrAfter(from);
        GoOn();

        void GoOn()
        {
            while (true)
            {
                if (cursor.IsWaiting)
                {
                    if (!cursor.Load(GoOn))
                    {
                        return;
                    }
                }
                else if (!cursor.IsValid || !take(cursor))
                {
                    var fault = cursor.Fault;
                    cursor.Dispose();
                    done(fault);
                    return;
                }
                else
                {
                    cursor.Next();
                }
            }
        }
    }
}
