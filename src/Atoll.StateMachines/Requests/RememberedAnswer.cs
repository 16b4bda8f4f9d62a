using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Requests;

/// <summary>The answer to one request. Short ones, which is nearly all, lie in the structure itself.</summary>
internal readonly struct RememberedAnswer
{
    private readonly byte[]? _long;
    private readonly ShortBytes _short;
    private readonly byte _shortLength;

    internal RememberedAnswer(ulong sequence, HybridTime issuedAt, ReadOnlySpan<byte> answer)
    {
        Sequence = sequence;
        IssuedAt = issuedAt;
        if (answer.Length <= ShortBytes.Length)
        {
            _shortLength = (byte)answer.Length;
            answer.CopyTo(_short);
        }
        else
        {
            _long = answer.ToArray();
        }
    }

    internal ulong Sequence { get; }

    internal HybridTime IssuedAt { get; }

    [UnscopedRef]
    internal ReadOnlySpan<byte> Answer => _long ?? ((ReadOnlySpan<byte>)_short)[.._shortLength];

    [InlineArray(Length)]
    private struct ShortBytes
    {
        // A write's result has 19 bytes.
        internal const int Length = 23;

        private byte _first;
    }
}
