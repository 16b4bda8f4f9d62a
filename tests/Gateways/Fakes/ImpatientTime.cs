namespace Atoll.Gateways.Tests.Fakes;

/// <summary>The system's time, but that waits are over sooner.</summary>
/// <param name="times">So many times; by default at once.</param>
internal sealed class ImpatientTime(int times = int.MaxValue) : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : dueTime / times, period);
}
