using System.Globalization;
using System.Text;

namespace Atoll.Gateways.Http;

/// <summary>
/// How far a stream of events has come in each of its partitions, as the ids of its events have it: partition and offset of the event's
/// own record, and behind it those of the last records before it in the other partitions: "1:42,0:7,2:-1". Who sends such an id back
/// goes on behind just those. Not thread-safe.
/// </summary>
internal sealed class EventPlaces
{
    private readonly SortedDictionary<int, long> _last;

    /// <summary>A stream that has not begun.</summary>
    /// <param name="next">The first offset that is wanted of each partition.</param>
    public EventPlaces(IEnumerable<KeyValuePair<int, long>> next) =>
        _last = new SortedDictionary<int, long>(next.ToDictionary(static pair => pair.Key, static pair => pair.Value - 1));

    /// <summary>Takes a record, and gives its event's id.</summary>
    public string Take(int partition, long offset)
    {
        _last[partition] = offset;
        var id = new StringBuilder(Id(partition, offset));
        foreach (var (other, last) in _last)
        {
            if (other != partition)
            {
                id.Append(',').Append(Id(other, last));
            }
        }

        return id.ToString();
    }

    /// <summary>The id of one record alone.</summary>
    public static string Id(int partition, long offset) => string.Create(CultureInfo.InvariantCulture, $"{partition}:{offset}");

    /// <summary>Reads an id: the next offset of each partition that it names.</summary>
    /// <returns>Null when it is none.</returns>
    public static Dictionary<int, long>? TryReadNext(string id)
    {
        var next = new Dictionary<int, long>();
        foreach (var part in id.Split(','))
        {
            var colon = part.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0
                || !int.TryParse(part.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
                || !long.TryParse(part.AsSpan(colon + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var offset)
                || offset is < -1 or long.MaxValue || !next.TryAdd(partition, offset + 1))
            {
                return null;
            }
        }

        return next;
    }
}
