using Atoll.Foundation.Time;

namespace Atoll.Live.Networks;

/// <summary>How a connection that was dialled begins: who dialled says who it is, and hears whether it is welcome.</summary>
internal static class DialledGreeting
{
    /// <summary>Exchanges greetings; blocks.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="decoder">Cuts what comes in; its rest is the connection's later.</param>
    /// <param name="greeting">Who dialled, and whom it wants.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="welcome">What was answered when all is well.</param>
    /// <returns>Null, or why not.</returns>
    public static string? Exchange(
        PeerConnection connection, FrameDecoder decoder, Greeting greeting, Duration timeout, out Welcome? welcome)
    {
        welcome = null;
        connection.Send(greeting.Encode());
        var deadline = LiveClock.Instance.Now + timeout;
        var hasMagic = false;
        while (true)
        {
            if (!hasMagic && decoder.TryTake(Greeting.Magic.Length, out var first))
            {
                hasMagic = first.SequenceEqual(Greeting.Magic);
                if (!hasMagic)
                {
                    return "what answers there is no node of Atoll";
                }
            }

            if (hasMagic)
            {
                var status = decoder.TryRead(out var frame, out var why);
                if (status != FrameStatus.Incomplete)
                {
                    return status == FrameStatus.Bad ? $"it answered with {why}" : Judge(greeting, frame, out welcome);
                }
            }

            if (LiveClock.Instance.Now > deadline)
            {
                return $"no greeting within {timeout.Milliseconds} ms";
            }

            var count = connection.Receive(decoder.Room());
            if (count == 0)
            {
                return "it closed the connection without a word";
            }

            decoder.Received(count);
        }
    }

    private static string? Judge(Greeting greeting, Frame frame, out Welcome? welcome)
    {
        welcome = null;
        switch (frame.Kind)
        {
            case FrameKind.Refusal:
                return $"it refused: {Refusal.Decode(frame.Payload)}";
            case FrameKind.Welcome when Welcome.TryDecode(frame.Payload, out var answer):
                if (answer.ClusterId != greeting.ClusterId)
                {
                    return $"it belongs to cluster {answer.ClusterId:x16}, not {greeting.ClusterId:x16}";
                }

                if (answer.Node != greeting.To)
                {
                    return $"node {answer.Node} answers there";
                }

                if (answer.Version < greeting.VersionMin || answer.Version > greeting.VersionMax)
                {
                    return $"it wants to speak version {answer.Version}";
                }

                welcome = answer;
                return null;
            default:
                return "its greeting can't be read";
        }
    }
}
