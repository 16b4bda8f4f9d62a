using System.Text.RegularExpressions;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.Services.Streams.Groups;

/// <summary>Finds what a member of a group reads in the cluster's catalog of topics.</summary>
internal static class TopicLookup
{
    /// <summary>What the catalog says.</summary>
    /// <param name="catalog">The topics that there are.</param>
    /// <param name="names">Topics that are read.</param>
    /// <param name="pattern">An expression that names of further topics match as a whole; empty for none.</param>
    /// <exception cref="InvalidPatternException">It is no expression.</exception>
    internal static TopicFacts Of(TopicCatalog catalog, IReadOnlyList<string> names, string pattern)
    {
        var matches = pattern.Length == 0 ? [] : Matches(catalog, pattern);
        return new TopicFacts(
            catalog.View.Version.Value, matches,
            [
                .. names.Concat(matches).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
                    .Select(catalog.Find).OfType<Topic>().Take(GroupLimits.TopicsPerGroupMax)
                    .Select(static topic => KeyValuePair.Create(topic.Name, new TopicShape(topic.Id, topic.Partitions.Length))),
            ]);
    }

    /// <summary>Whether a group knows it already, or something newer.</summary>
    internal static bool IsKnown(TopicFacts facts, TopicFacts known) =>
        facts.Version < known.Version || (facts.Matches.SequenceEqual(known.Matches) && facts.Topics.SequenceEqual(known.Topics));

    // Without backtracking, as Kafka's brokers do it: whatever the expression is, a name costs time in proportion to its length.
    private static string[] Matches(TopicCatalog catalog, string pattern)
    {
        Regex expression;
        try
        {
            expression = new Regex($@"\A(?:{pattern})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new InvalidPatternException(pattern, error);
        }

        return
        [
            .. catalog.Topics.Select(static topic => topic.Name).Where(name => expression.IsMatch(name))
                .Take(GroupLimits.TopicsPerMemberMax).Order(StringComparer.Ordinal),
        ];
    }
}
