using System.Buffers.Text;
using System.Security.Cryptography;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Subscriptions;

/// <summary>Subscriptions as documents of the directory.</summary>
internal sealed class SubscriptionsService(IDocumentStore documents, IStreams streams, IGroups groups) : ISubscriptions
{
    /// <summary>What the names of the directory's documents about subscriptions begin with.</summary>
    internal const string DocumentPrefix = "subscription:";

    // Every node is a member of every subscription's group.
    private const int CountMax = 256;
    private const int SecretBytes = 32;

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<Subscription>> ListAsync(CancellationToken cancellationToken) =>
    [
        .. (await documents.ReadAsync(cancellationToken).ConfigureAwait(false))
            .Select(static document => Subscription.OfDocument(document.Bytes.Span)).OfType<Subscription>()
            .OrderBy(static subscription => subscription.Name, StringComparer.Ordinal),
    ];

    /// <inheritdoc />
    public async ValueTask<Subscription> CreateAsync(Subscription subscription, CancellationToken cancellationToken)
    {
        var topic = await streams.TopicAsync(subscription.Topic, cancellationToken).ConfigureAwait(false);
        if (subscription.DeadLetters is { } dead)
        {
            await streams.KnownTopicAsync(dead, cancellationToken).ConfigureAwait(false);
        }

        var created = subscription with
        {
            Id = Guid.NewGuid(),
            TopicId = topic.Id,
            Secret = subscription.Secret.Length > 0 ? subscription.Secret
                : Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes)),
        };
        if (created.Fault() is { } fault)
        {
            throw new InvalidRequestException(fault);
        }

        if ((await documents.ReadAsync(cancellationToken).ConfigureAwait(false)).Count >= CountMax)
        {
            throw new InvalidRequestException($"a cluster has at most {CountMax} subscriptions");
        }

        // Where it begins is settled now, not when a node first asks: what is appended from here on is not missed.
        await BeginAsync(created, topic, cancellationToken).ConfigureAwait(false);
        if (!await documents.TryWriteAsync(created.Name, 0, created.ToDocument(), cancellationToken).ConfigureAwait(false))
        {
            _ = await groups.DeleteAsync(created.Group, cancellationToken).ConfigureAwait(false);
            throw new AtollException(ErrorCode.SpaceExists, $"there is a subscription with the name \"{created.Name}\"");
        }

        return created;
    }

    /// <inheritdoc />
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var known = (await documents.ReadAsync(cancellationToken).ConfigureAwait(false))
                .FirstOrDefault(stored => string.Equals(stored.Name, name, StringComparison.Ordinal));
            if (known is null)
            {
                return false;
            }

            if (!await documents.TryWriteAsync(name, known.Version, null, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            if (Subscription.OfDocument(known.Bytes.Span) is { } deleted)
            {
                // While nodes are still its members it stays, and is forgotten when nobody has used it for a while.
                _ = await groups.DeleteAsync(deleted.Group, cancellationToken).ConfigureAwait(false);
            }

            return true;
        }
    }

    /// <inheritdoc />
    public IDisposable Subscribe(Action changed) => documents.Subscribe(changed);

    private async ValueTask BeginAsync(Subscription subscription, Topic topic, CancellationToken cancellation)
    {
        _ = PlaceInPartition.TryParse(subscription.From, out var place);
        var offsets = await Task.WhenAll(Enumerable.Range(0, topic.Partitions.Length).Select(async partition => new OffsetToCommit(
            new TopicPartition(topic.Name, partition),
            new CommittedOffset(
                await place.FindAsync(new TopicReader(streams, topic, partition), cancellation).ConfigureAwait(false), -1, ""))))
            .ConfigureAwait(false);
        var status = await groups.CommitAsync(
            new CommitOffsets(subscription.Group, new MemberIdentity("", null), -1, offsets), cancellation).ConfigureAwait(false);
        GroupStatuses.ThrowUnlessOk(subscription.Group, status);
    }
}
