using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>A record in the order of expiry: by time, then by key.</summary>
internal readonly record struct ExpiryKey(HybridTime ExpiresAt, ByteKey Key);

/// <summary>The order of expiry.</summary>
internal readonly struct ExpiryOrder : ITreeOrder<ExpiryKey>
{
    public static int Compare(in ExpiryKey a, in ExpiryKey b)
    {
        var order = a.ExpiresAt.CompareTo(b.ExpiresAt);
        return order != 0 ? order : a.Key.CompareTo(b.Key);
    }
}
