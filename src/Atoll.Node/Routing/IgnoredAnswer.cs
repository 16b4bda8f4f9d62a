using Atoll.Node.Requests;

namespace Atoll.Node.Routing;

/// <summary>For requests of the node's own whose effect shows in the directory, and that are simply made again when it does not.</summary>
internal sealed class IgnoredAnswer : IResponseSink
{
    public static readonly IgnoredAnswer Instance = new();

    private IgnoredAnswer()
    {
    }

    public void Complete(Request request, in Response response)
    {
    }
}
