using System.Globalization;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>A place in a partition, in words: earliest, latest, an offset, or time=MILLISECONDS since 1970.</summary>
public readonly record struct PlaceInPartition
{
    private const string Time = "time=";

    /// <summary>The first record that there is.</summary>
    public static readonly PlaceInPartition Earliest = new(PartitionFind.Earliest, isOffset: false);

    /// <summary>Behind the last record.</summary>
    public static readonly PlaceInPartition Latest = new(PartitionFind.Latest, isOffset: false);

    private readonly long _number;
    private readonly bool _isOffset;

    private PlaceInPartition(long number, bool isOffset) => (_number, _isOffset) = (number, isOffset);

    /// <summary>The words, for people.</summary>
    public static string Words => "earliest, latest, an offset, or time=MILLISECONDS since 1970";

    /// <summary>Reads a place; false when the words are none of these.</summary>
    public static bool TryParse(string words, out PlaceInPartition place)
    {
        place = words == "latest" ? Latest : Earliest;
        if (words is "earliest" or "latest")
        {
            return true;
        }

        var isTime = words.StartsWith(Time, StringComparison.Ordinal);
        if (!long.TryParse(words.AsSpan(isTime ? Time.Length : 0), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        place = new PlaceInPartition(number, isOffset: !isTime);
        return true;
    }

    /// <summary>The offset of the place. Of a time behind all records it is that of the end.</summary>
    /// <param name="reader">Of the partition.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<long> FindAsync(TopicReader reader, CancellationToken cancellationToken = default)
    {
        if (_isOffset)
        {
            return _number;
        }

        var found = await reader.FindAsync(_number, cancellationToken).ConfigureAwait(false);
        return found >= 0 ? found : await reader.FindAsync(PartitionFind.Latest, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>In the words that it is read from.</summary>
    public override string ToString() => _isOffset ? Text(_number)
        : _number switch { PartitionFind.Earliest => "earliest", PartitionFind.Latest => "latest", _ => Time + Text(_number) };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
