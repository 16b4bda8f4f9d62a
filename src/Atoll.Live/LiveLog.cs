using Microsoft.Extensions.Logging;

namespace Atoll.Live;

/// <summary>What Live logs. Event ids 8000 to 8999.</summary>
internal static partial class LiveLog
{
    [LoggerMessage(8001, LogLevel.Critical, "{Loop} has failed and stops: its state can't be vouched for any more")]
    public static partial void LoopFailed(ILogger logger, string loop, Exception failure);

    [LoggerMessage(8101, LogLevel.Error, "The disk failed at {Path}: {Detail}")]
    public static partial void DiskFailed(ILogger logger, string path, string detail);

    [LoggerMessage(8201, LogLevel.Information, "Listening for nodes on {Address}")]
    public static partial void Listening(ILogger logger, string address);

    [LoggerMessage(8202, LogLevel.Information, "Connected to node {Peer} at {Address} ({Lane})")]
    public static partial void LinkUp(ILogger logger, uint peer, string address, string lane);

    [LoggerMessage(EventId = 8203, Message = "Lost node {Peer} at {Address} ({Lane}): {Reason}")]
    public static partial void LinkDown(ILogger logger, LogLevel level, uint peer, string address, string lane, string reason);

    [LoggerMessage(8204, LogLevel.Warning, "Can't reach node {Peer} at {Address}: {Reason}")]
    public static partial void DialFailed(ILogger logger, uint peer, string address, string reason);

    [LoggerMessage(8205, LogLevel.Warning, "Refused a connection from {Remote}: {Reason}")]
    public static partial void Refused(ILogger logger, string remote, string reason);

    [LoggerMessage(EventId = 8206, Message = "Closed the connection from node {Peer} at {Remote}: {Reason}")]
    public static partial void IncomingClosed(ILogger logger, LogLevel level, uint peer, string remote, string reason);

    [LoggerMessage(8207, LogLevel.Information, "The certificate files were renewed: connections made from now on use them")]
    public static partial void CertificateRenewed(ILogger logger);

    [LoggerMessage(8208, LogLevel.Warning, "The certificate files have changed, but can't be used: {Reason}. Those from before stay")]
    public static partial void CertificateNotRenewed(ILogger logger, string reason);

    [LoggerMessage(8301, LogLevel.Information, "Node {Node} of cluster {Cluster:x16} runs on {Loops} loops with its data in {Folder}")]
    public static partial void NodeStarted(ILogger logger, uint node, ulong cluster, int loops, string folder);

    [LoggerMessage(8302, LogLevel.Information, "Node {Node} has stopped")]
    public static partial void NodeStopped(ILogger logger, uint node);
}
