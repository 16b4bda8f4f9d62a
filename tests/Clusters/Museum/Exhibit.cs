using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>A planted bug must be found, and by the checker that is there for it: anything else would prove nothing.</summary>
internal static class Exhibit
{
    public static void IsCaught<TViolation>(string finding, Action scenario)
        where TViolation : Exception
    {
        var violation = Assert.Throws<TViolation>(scenario);
        TestContext.Current.TestOutputHelper?.WriteLine(violation.Message);
        Assert.Contains(finding, violation.Message, StringComparison.Ordinal);
    }
}
