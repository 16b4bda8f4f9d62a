using System.Diagnostics;
using Xunit;

namespace Atoll.Live.Tests;

/// <summary>Waits for what other threads do.</summary>
internal static class Waiting
{
    /// <summary>Generous: reached only when something is wrong, however busy the machine is.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>Does the work again and again until the condition holds; fails after the deadline.</summary>
    public static void Until(Func<bool> condition, Action work)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < Deadline, "the condition did not come to hold");
            work();
        }
    }

    /// <summary>Gives the other threads time until the condition holds; fails after the deadline.</summary>
    public static void Until(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, Deadline), "the condition did not come to hold");
}
