using Atoll.Services.Errors;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>
/// Reads a topic as a member of a group: joins, shares the partitions out when it leads, says that it is there, and joins again when the
/// members are told to, or when the topic has got more partitions. Members of Kafka's clients may be in the same group. Runs once.
/// </summary>
/// <param name="streams">The topics.</param>
/// <param name="groups">The groups.</param>
/// <param name="topic">The topic.</param>
/// <param name="group">The group.</param>
/// <param name="options">How it reads.</param>
public sealed class GroupReader(IStreams streams, IGroups groups, Topic topic, string group, GroupReaderOptions options)
{
    /// <summary>How partitions are shared, by the name that Kafka's clients have for it.</summary>
    public const string Protocol = "range";

    // Signs of life in a session: one may be lost, and the next one late.
    private const int HeartbeatsPerSession = 5;

    private static readonly TimeSpan StablePause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<int, GroupPartition> _places = [];
    private readonly int _partitionsAtFirst = topic.Partitions.Length;
    private GroupGeneration? _last;
    private Topic _topic = topic;
    private string _memberId = "";
    private bool _leads;

    /// <summary>Reads until it is cancelled, and leaves the group.</summary>
    /// <param name="reading">What is done with what it is given.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="AtollException">The group cannot be joined, a partition cannot be read, or the reading says so.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(IGroupReading reading, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var generation = await JoinAsync(cancellationToken).ConfigureAwait(false);
                await PlaceAsync(generation, cancellationToken).ConfigureAwait(false);
                await reading.AssignedAsync(generation, [.. _places.Values], cancellationToken).ConfigureAwait(false);
                await ReadAsync(reading, generation, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await LeaveAsync().ConfigureAwait(false);
        }
    }

    // Reads until the generation is over; throws what ends the reading.
    private async Task ReadAsync(IGroupReading reading, GroupGeneration generation, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var work = generation.Partitions.Select(partition => reading.ReadAsync(
                generation, _places[partition], new TopicReader(streams, _topic, partition, options.FetchBytes), over.Token))
            .Append(StayAsync(generation, over.Token)).ToArray();
        try
        {
            // The first to end ends all: the generation is over, or something cannot be read.
            var first = await Task.WhenAny(work).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(work).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The others, who were told to stop.
        }

        if (Array.Find(work, static task => task.IsFaulted) is { } failed)
        {
            await failed.ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private async Task<GroupGeneration> JoinAsync(CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var session = (int)options.Session.TotalMilliseconds;
            var joined = await groups.JoinAsync(
                new JoinGroup(
                    group, new MemberIdentity(_memberId, null), RequiresKnownMember: true, options.ClientId, options.ClientHost, session,
                    session, ConsumerSubscription.ProtocolType, [new GroupProtocol(Protocol, ConsumerSubscription.Write([_topic.Name]))]),
                cancellation).ConfigureAwait(false);
            _memberId = joined.Status == GroupStatus.UnknownMember ? "" : joined.MemberId.Length > 0 ? joined.MemberId : _memberId;
            if (joined.Generation is not { } generation)
            {
                ThrowUnlessToBeJoinedAgain(joined.Status);
                continue;
            }

            // The topic may have become larger since the last generation; who leads shares out what there is now.
            var catalog = await streams.RefreshAsync(cancellation).ConfigureAwait(false);
            _topic = catalog.Find(_topic.Id) ?? throw new UnknownSpaceException($"there is no topic \"{_topic.Name}\" any more");
            _leads = generation.Leader == _memberId;
            IReadOnlyList<MemberAssignment> assignments = _leads ? RangeAssignment.Of(generation.Members, catalog) : [];
            var member = new MemberIdentity(_memberId, null);
            var synced = await groups.SyncAsync(
                new SyncGroup(group, member, generation.Generation, generation.ProtocolType, generation.Protocol, assignments),
                cancellation).ConfigureAwait(false);
            if (synced.Status != GroupStatus.Ok)
            {
                _memberId = synced.Status == GroupStatus.UnknownMember ? "" : _memberId;
                ThrowUnlessToBeJoinedAgain(synced.Status);
                continue;
            }

            // A leader that is none of ours may give what is none of this topic's.
            var given = (ConsumerAssignment.TryRead(synced.Assignment.Span) ?? [])
                .Where(place => place.Topic == _topic.Name && _topic.Partition(place.Partition) is not null)
                .Select(static place => place.Partition).Distinct().Order();
            return new GroupGeneration(group, member, generation.Generation, [.. given]);
        }
    }

    // Where it goes on in what it was given: a partition that nobody else can have had meanwhile, where it was itself.
    private async Task PlaceAsync(GroupGeneration generation, CancellationToken cancellation)
    {
        var goesOn = _last is not null && _last.Member == generation.Member && _last.Number + 1 == generation.Number;
        var kept = goesOn ? generation.Partitions.Where(_places.ContainsKey).ToHashSet() : [];
        foreach (var former in _places.Keys.Where(number => !kept.Contains(number)).ToArray())
        {
            _places.Remove(former);
        }

        var places = generation.Partitions.Where(number => !kept.Contains(number))
            .Select(number => new TopicPartition(_topic.Name, number)).ToArray();
        var offsets = places.Length == 0 ? [] : await StableOffsetsAsync(places, cancellation).ConfigureAwait(false);
        foreach (var (place, committed) in offsets)
        {
            // All that is in a partition that the topic got meanwhile came later than where the reading begins.
            var from = place.Partition < _partitionsAtFirst ? options.From : PlaceInPartition.Earliest;
            var next = committed.Offset >= 0 ? committed.Offset
                : await from.FindAsync(new TopicReader(streams, _topic, place.Partition), cancellation).ConfigureAwait(false);
            _places[place.Partition] = new GroupPartition(place.Partition, next);
        }

        _last = generation;
    }

    private async Task<IReadOnlyList<OffsetToCommit>> StableOffsetsAsync(TopicPartition[] places, CancellationToken cancellation)
    {
        while (true)
        {
            var found = await groups.OffsetsAsync(group, places, cancellation).ConfigureAwait(false);
            if (found.Unstable.Count == 0)
            {
                return found.Offsets;
            }

            await Task.Delay(StablePause, options.Time, cancellation).ConfigureAwait(false);
        }
    }

    // Done when the generation is over, or may be: nobody has heard of this member for as long as its session lasts.
    private async Task StayAsync(GroupGeneration generation, CancellationToken cancellation)
    {
        var heardAt = options.Time.GetTimestamp();
        while (true)
        {
            await Task.Delay(options.Session / HeartbeatsPerSession, options.Time, cancellation).ConfigureAwait(false);
            try
            {
                var status = await groups.HeartbeatAsync(group, generation.Member, generation.Number, cancellation).ConfigureAwait(false);
                if (status != GroupStatus.Ok)
                {
                    return;
                }

                heardAt = options.Time.GetTimestamp();
                if (_leads && await HasGrownAsync(cancellation).ConfigureAwait(false))
                {
                    return; // when its leader joins again, all do
                }
            }
            catch (AtollException error) when (error.IsRetryable && options.Time.GetElapsedTime(heardAt) < options.Session)
            {
                // The coordinator moves, or is busy: the session lasts a while.
            }
            catch (AtollException error) when (error.IsRetryable)
            {
                return;
            }
        }
    }

    private async ValueTask<bool> HasGrownAsync(CancellationToken cancellation) =>
        (await streams.RefreshAsync(cancellation).ConfigureAwait(false)).Find(_topic.Id) is not { } now
        || now.Partitions.Length != _topic.Partitions.Length;

    private async Task LeaveAsync()
    {
        if (_memberId.Length == 0)
        {
            return;
        }

        using var patience = new CancellationTokenSource(LeavePatience, options.Time);
        try
        {
            await groups.LeaveAsync(new LeaveGroup(group, [new MemberIdentity(_memberId, null)]), patience.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is AtollException or OperationCanceledException)
        {
            // The group finds out when the session is over.
        }
    }

    private void ThrowUnlessToBeJoinedAgain(GroupStatus status)
    {
        if (status != GroupStatus.MemberIdRequired && !GroupStatuses.IsOver(status))
        {
            GroupStatuses.ThrowUnlessOk(group, status);
        }
    }
}
