namespace Atoll.Client.Remote;

/// <summary>
/// Holds back sending while a thread works through a burst of answers: what the awakened callers submit meanwhile leaves in one
/// write a connection.
/// </summary>
internal sealed class SendBurst
{
    [ThreadStatic]
    private static SendBurst? current;

    private readonly List<NodeLink> _links = [];
    private int _depth;

    /// <summary>The burst that this thread works through, or null.</summary>
    public static SendBurst? Current => current is { _depth: > 0 } burst ? burst : null;

    /// <summary>Starts holding back on this thread.</summary>
    public static SendBurst Begin()
    {
        current ??= new SendBurst();
        current._depth++;
        return current;
    }

    /// <summary>A link has something to send, and may send.</summary>
    public void Add(NodeLink link) => _links.Add(link);

    /// <summary>Sends what was held back.</summary>
    public void End()
    {
        if (--_depth > 0)
        {
            return;
        }

        // By index: sending may fail at once, complete requests, and so add links.
        for (var i = 0; i < _links.Count; i++)
        {
            _links[i].Send();
        }

        _links.Clear();
    }
}
