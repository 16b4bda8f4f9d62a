using System.Globalization;
using Atoll.Output;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;

namespace Atoll.Commands;

/// <summary>A place in a partition, in the words of a command line: earliest, latest, an offset, or time=MILLISECONDS since 1970.</summary>
internal static class PlaceInPartition
{
    private const string Time = "time=";

    /// <summary>The words, for an option's help.</summary>
    public const string Words = "earliest, latest, an offset, or time=MILLISECONDS since 1970";

    /// <summary>The offset of a place. Of a time behind all records it is that of the end.</summary>
    /// <param name="reader">Of the partition.</param>
    /// <param name="words">The place.</param>
    /// <param name="option">The option that it was given with.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CommandException">The words are none of these.</exception>
    public static async ValueTask<long> FindAsync(TopicReader reader, string words, string option, CancellationToken cancellation)
    {
        if (TryNumber(words, out var offset))
        {
            return offset;
        }

        var place = words == "earliest" ? PartitionFind.Earliest : words == "latest" ? PartitionFind.Latest
            : words.StartsWith(Time, StringComparison.Ordinal) && TryNumber(words.AsSpan(Time.Length), out var milliseconds)
            ? milliseconds : throw new CommandException($"{option} {words}: earliest, latest, an offset or time=MILLISECONDS is needed");
        var found = await reader.FindAsync(place, cancellation).ConfigureAwait(false);
        return found >= 0 ? found : await reader.FindAsync(PartitionFind.Latest, cancellation).ConfigureAwait(false);
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
