using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Requests;

/// <summary>
/// What makes a retry recognisable as one (Raft dissertation, 6.3). A client draws <paramref name="ClientId"/> at random when it starts,
/// numbers its requests from 1, and sends a retry with exactly the identity of the first attempt. Over one client's requests, in the order
/// of their sequences, <paramref name="IssuedAt"/> must never decrease: the table's right to forget rests on it.
/// </summary>
/// <param name="ClientId">The client; 0 marks a request without identity, which is applied as often as it arrives.</param>
/// <param name="Sequence">The request's number within the client.</param>
/// <param name="AnsweredBelow">The client will never retry requests with numbers below this; at most <paramref name="Sequence"/>.</param>
/// <param name="IssuedAt">
/// The client's hybrid clock at the first attempt. Clients keep it near the shard's by merging the versions in answers.
/// </param>
public readonly record struct RequestIdentity(ulong ClientId, ulong Sequence, ulong AnsweredBelow, HybridTime IssuedAt)
{
    /// <summary>No identity.</summary>
    public static readonly RequestIdentity None;

    /// <summary>True for a request that is not to be remembered.</summary>
    public bool IsNone => ClientId == 0;

    /// <summary>True when the fields do not contradict each other.</summary>
    public bool IsValid =>
        ClientId != 0 && AnsweredBelow <= Sequence && Sequence < ulong.MaxValue && IssuedAt <= CommandEnvelope.StampMax;

    /// <summary>Writes the identity; <see cref="None"/> is one byte.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteBool(!IsNone);
        if (!IsNone)
        {
            writer.WriteUInt64(ClientId);
            writer.WriteVarint(Sequence);
            writer.WriteVarint(AnsweredBelow);
            writer.WriteUInt64(IssuedAt.Value);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; anything else makes the reader fail and gives <see cref="None"/>.</summary>
    public static RequestIdentity Read(ref WireReader reader)
    {
        if (!reader.ReadBool())
        {
            return None;
        }

        var identity = new RequestIdentity(
            reader.ReadUInt64(), reader.ReadVarint(), reader.ReadVarint(), new HybridTime(reader.ReadUInt64()));
        if (reader.Ok && identity.IsValid)
        {
            return identity;
        }

        reader.Fail();
        return None;
    }
}
