using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>The loop's hybrid clock (Kulkarni et al., 2014), as the leaderless protocols see it.</summary>
public interface IHybridClock
{
    /// <summary>A time later than every time given or observed before.</summary>
    HybridTime Next();

    /// <summary>Takes a time that another node gave: what is given next is later.</summary>
    void Observe(HybridTime seen);
}
