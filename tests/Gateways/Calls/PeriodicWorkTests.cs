using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Xunit;

namespace Atoll.Gateways.Tests.Calls;

public sealed class PeriodicWorkTests
{
    [Fact]
    public async Task A_round_that_fails_is_followed_by_the_next_one_and_only_what_nobody_expects_is_told()
    {
        var rounds = 0;
        var failures = new List<Exception>();
        var isWell = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var work = new PeriodicWork(
            TimeSpan.FromMilliseconds(1), TimeProvider.System,
            _ =>
            {
                switch (++rounds)
                {
                    case 1:
                        throw new AtollException(ErrorCode.Unavailable, "nobody leads");
                    case 2:
                        throw new InvalidOperationException("a fault");
                    default:
                        isWell.TrySetResult();
                        return Task.CompletedTask;
                }
            },
            failures.Add);
        await isWell.Task.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("a fault", Assert.Single(failures).Message);
    }

    [Fact]
    public async Task Its_end_ends_the_round_that_is_under_way()
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = new PeriodicWork(
            TimeSpan.FromMilliseconds(1), TimeProvider.System,
            cancellation =>
            {
                began.TrySetResult();
                return new TaskCompletionSource().Task.WaitAsync(cancellation);
            },
            static _ => Assert.Fail("a round that was ended has not failed"));
        await began.Task.WaitAsync(TestContext.Current.CancellationToken);
        await work.DisposeAsync();
    }
}
