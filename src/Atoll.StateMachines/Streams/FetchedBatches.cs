using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Streams;

/// <summary>Batches as a replica serves them: where they are, and they themselves, one after the other, placed.</summary>
/// <param name="Places">Positions, places, aborted transactions.</param>
/// <param name="Records">The batches; of an answer without any, nothing.</param>
public sealed record FetchedBatches(FetchPlaces Places, ReadOnlyMemory<byte> Records)
{
    /// <summary>Reads an answer; null when the bytes are none. The batches are a slice of it.</summary>
    public static FetchedBatches? TryRead(ReadOnlyMemory<byte> body)
    {
        var reader = new WireReader(body);
        var places = FetchPlaces.TryRead(reader.ReadBytes());
        return reader.Ok && places is not null && places.Batches.Sum(static place => (long)place.Bytes) == reader.Remaining
            ? new FetchedBatches(places, body[reader.Position..])
            : null;
    }
}
