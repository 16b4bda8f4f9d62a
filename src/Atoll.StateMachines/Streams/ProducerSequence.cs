namespace Atoll.StateMachines.Streams;

/// <summary>A producer's numbers of its records: from 0 to the largest int, and from 0 again.</summary>
public static class ProducerSequence
{
    /// <summary>The number so many records later.</summary>
    public static int Add(int sequence, int records) =>
        sequence > int.MaxValue - records ? records - (int.MaxValue - sequence) - 1 : sequence + records;

    /// <summary>The number after one.</summary>
    public static int Next(int sequence) => Add(sequence, 1);

    /// <summary>Whether one number comes before another, as far as half of the circle tells.</summary>
    public static bool IsBefore(int sequence, int other) => sequence != other && ((other - sequence) & int.MaxValue) < (1 << 30);
}
