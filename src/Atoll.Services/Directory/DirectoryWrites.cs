using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Directory;

/// <summary>Commands for the directory's shard, and what their refusals mean.</summary>
internal static class DirectoryWrites
{
    private static readonly ResponseReader<DirectoryResult> Reader = Read;

    /// <summary>Sends one command.</summary>
    /// <exception cref="AtollException">It was refused, or failed.</exception>
    public static async ValueTask<DirectoryResult> InvokeAsync(Caller caller, Action<WireWriter> write, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        write(writer);
        var request = new Request { Kind = RequestKind.Write, Shard = ShardId.Directory, Payload = Payloads.Take(writer) };
        var startedAt = caller.Time.GetTimestamp();
        while (true)
        {
            var result = await caller.Invoke(request, null, null, Reader, cancellation).ConfigureAwait(false);
            if (result.Status != DirectoryStatus.NotInitialized)
            {
                return result;
            }

            // A moment at a cluster's very beginning: the directory has a leader, and its founders are not written down yet.
            if (caller.Time.GetElapsedTime(startedAt) > caller.Retries.DefaultTimeout)
            {
                throw new UnavailableException(result.Detail ?? "the cluster is not initialised yet");
            }

            await Task.Delay(DirectoryCache.InitialisationPause, caller.Time, cancellation).ConfigureAwait(false);
        }
    }

    private static DirectoryResult Read(in Response response)
    {
        if (!DirectoryResult.TryRead(response.Body, out var result))
        {
            throw new AtollException(ErrorCode.Protocol, "the directory's answer cannot be decoded");
        }

        return result.Status switch
        {
            DirectoryStatus.Ok or DirectoryStatus.NotInitialized => result,
            DirectoryStatus.NotFound => throw new AtollException(ErrorCode.NotFound, result.Detail ?? "there is no such thing"),
            DirectoryStatus.AlreadyExists => throw new AtollException(
                ErrorCode.SpaceExists, result.Detail ?? "the name is taken by something with other options"),
            DirectoryStatus.NotAvailable => throw new AtollException(
                ErrorCode.Unsupported, result.Detail ?? "this version of Atoll does not have that yet"),
            DirectoryStatus.Conflict => throw new AtollException(ErrorCode.Conflict, result.Detail ?? "it was changed meanwhile"),
            DirectoryStatus.InUse => throw new AtollException(ErrorCode.Conflict, result.Detail ?? "something still depends on it"),
            DirectoryStatus.NotEnoughNodes => throw new InvalidRequestException(
                result.Detail ?? "the cluster has fewer nodes than the replicas need"),
            _ => throw new InvalidRequestException(result.Detail ?? "the directory refused the command"),
        };
    }
}
