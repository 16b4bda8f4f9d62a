namespace Atoll.Storage.Sorted;

/// <summary>How a lookup ended.</summary>
public enum LookupStatus : byte
{
    /// <summary>There is no such record.</summary>
    Absent = 0,

    /// <summary>It was found.</summary>
    Found = 1,

    /// <summary>A block, or a value that is kept apart, is not in memory.</summary>
    Missing = 2,
}
