using Xunit;

namespace Atoll.Architecture.Tests;

/// <summary>What a rule found; none is allowed.</summary>
internal static class Finding
{
    /// <summary>Fails with the list of places, one a line.</summary>
    public static void None(string rule, IEnumerable<string> places)
    {
        var found = places.Order(StringComparer.Ordinal).ToList();
        Assert.True(found.Count == 0, $"{rule}\n  {string.Join("\n  ", found.Take(40))}");
    }
}
