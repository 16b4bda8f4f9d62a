using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Stores;

/// <summary>The reads that know which keys they are about, and wait for the disk.</summary>
internal static class KeyedReads
{
    /// <summary>Reads once all keys are in memory, as of then.</summary>
    /// <param name="store">Where the keys are.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="tryRead">Writes the answer; true, as all is in memory.</param>
    /// <param name="now">The state's time.</param>
    /// <param name="done">Gets the answer, now or later on the same loop; it is valid during the call.</param>
    internal static void Read(
        ISortedStore store,
        ReadOnlySpan<ReadOnlyMemory<byte>> keys,
        Func<WireWriter, HybridTime, bool> tryRead,
        Func<HybridTime> now,
        Action<StateAnswer> done)
    {
        if (store.Prepare(keys, Answer))
        {
            Answer(null);
        }

        void Answer(StoreFault? fault)
        {
            var asOf = now();
            var result = new WireWriter(256);
            var isRead = fault is not null || tryRead(result, asOf);
            Check.That(isRead);
            done(new StateAnswer(fault is null ? result.WrittenMemory : default, asOf, fault));
        }
    }
}
